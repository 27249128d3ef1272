import { ref, shallowRef } from 'vue';
import { Problem } from '../client.ts';

/** One button that sends something: busy meanwhile, a second click does nothing, a failure is kept in words' reach. */
export function useSave() {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  async function save<T>(send: () => Promise<T>): Promise<T | null> {
    if (busy.value) return null;
    busy.value = true;
    problem.value = null;
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
  return { busy, problem, save };
}
