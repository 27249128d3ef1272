import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import { client, Problem } from '../client.ts';
import type { Demo, DemoAction, DemoState, NewDemoCall } from '../contract.ts';

const LOOK_AGAIN_MS = 600;

const known = shallowRef<Demo | null>(null);
/** Whether a demo PBX is connected; asked once, and again by whoever opens its page. */
export function useDemoConnected() {
  if (known.value === null) void readDemo().catch(() => undefined);
  return known;
}
export const readDemo = async (): Promise<Demo> => (known.value = await client.demo.read());

/** The phones' live state, looked at again and again while the page is in sight and the demo PBX is connected. */
export function useDemoState() {
  const state = shallowRef<DemoState | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;

  async function look(): Promise<void> {
    const mine = ++asked;
    try {
      const next = await client.demo.state();
      if (mine === asked) [state.value, problem.value] = [next, null];
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (mine === asked) problem.value = error;
    }
  }
  async function keepLooking(): Promise<void> {
    if (!document.hidden) await look();
    if (!stopped && known.value?.connected) timer = setTimeout(() => void keepLooking(), LOOK_AGAIN_MS);
  }
  /** One step at a time; what came of it is looked at at once. */
  async function step(send: () => Promise<unknown>): Promise<Problem | null> {
    if (busy.value) return null;
    busy.value = true;
    try {
      await send();
      return null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return error;
    } finally {
      await look();
      busy.value = false;
    }
  }

  const stop = watch(
    () => known.value?.connected,
    (connected) => {
      clearTimeout(timer);
      if (connected) void keepLooking();
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    stopped = true;
    stop();
    clearTimeout(timer);
  });
  return {
    state,
    problem,
    busy,
    look,
    call: (body: NewDemoCall) => step(() => client.demo.call(body)),
    act: (callId: string, ...actions: readonly DemoAction[]) =>
      step(async () => {
        for (const action of actions) await client.demo.act(callId, action);
      }),
  };
}
