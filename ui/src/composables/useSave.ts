import { ref, shallowRef } from 'vue';
import { Problem } from '../client.ts';

/**
 * What sends something: busy meanwhile, a failure is kept in words' reach. A second click on one button does nothing (`save`);
 * where each of many switches says something of its own, every change is sent, one after the other (`saveInTurn`).
 */
export function useSave() {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  async function attempt<T>(send: () => Promise<T>): Promise<T | null> {
    busy.value = true;
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
      return null;
    } finally {
      busy.value = false;
    }
  }
  async function save<T>(send: () => Promise<T>): Promise<T | null> {
    if (busy.value) return null;
    problem.value = null;
    return attempt(send);
  }
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  /** What failed stays to be read until all that was asked for meanwhile has been sent. */
  async function saveInTurn<T>(send: () => Promise<T>): Promise<T | null> {
    if (waiting++ === 0) problem.value = null;
    const mine = turn.then(() => attempt(send));
    turn = mine.catch(() => undefined);
    return mine.finally(() => waiting--);
  }
  return { busy, problem, save, saveInTurn };
}
