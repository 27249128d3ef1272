import { computed, onScopeDispose, ref, shallowRef, watch, type WatchSource } from 'vue';
import { Problem } from '../client.ts';

const AGAIN_AFTER_MS = 3000;
const LONGEST_PAUSE_MS = 24_000;

/**
 * Asks for something, again whenever a source changes. A late answer never overwrites a newer one;
 * a quiet reload that fails leaves what is on the screen, and is repeated where only the network was in the way.
 * What is `known` already is shown meanwhile.
 */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  sources: WatchSource | WatchSource[] = [],
  known: T | null = null,
) {
  const data = shallowRef(known);
  const problem = shallowRef<Problem | null>(null);
  /** Somebody waits for it; what is only looked at again goes on unseen. */
  const busy = ref(false);
  let current: AbortController | null = null;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(quiet: boolean): Promise<void> {
    current?.abort();
    clearTimeout(timer);
    const mine = (current = new AbortController());
    if (!quiet) busy.value = true;
    try {
      const answer = await load(mine.signal);
      if (mine.signal.aborted) return;
      failures = 0;
      data.value = answer;
      problem.value = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      if (!quiet || !data.value) problem.value = error;
      if (quiet && error.isPassing)
        timer = setTimeout(() => void ask(true), Math.min(LONGEST_PAUSE_MS, AGAIN_AFTER_MS * 2 ** failures++));
    } finally {
      if (current === mine) busy.value = false;
    }
  }

  watch(sources, () => void ask(false));
  void ask(known !== null);
  onScopeDispose(() => {
    current?.abort();
    clearTimeout(timer);
  });

  const state = computed<'loading' | 'failed' | 'ready'>(() => {
    if (problem.value) return 'failed';
    return data.value === null ? 'loading' : 'ready';
  });
  return { data, problem, busy, state, reload: () => ask(true), retry: () => ask(false) };
}
