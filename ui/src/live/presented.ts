import { onScopeDispose, shallowReactive, watchEffect } from 'vue';

const shown = shallowReactive(new Map<string, number>());

/** Declares that the page itself shows these calls and what can be done with them, so that no card covers it. */
export function usePresentedCalls(callIds: () => readonly string[]): void {
  let mine: readonly string[] = [];
  const count = (id: string, by: number): void => {
    const next = (shown.get(id) ?? 0) + by;
    if (next > 0) shown.set(id, next);
    else shown.delete(id);
  };
  const release = (): void => mine.forEach((id) => count(id, -1));
  watchEffect(() => {
    const next = callIds();
    if (next.join() === mine.join()) return;
    release();
    mine = [...next];
    mine.forEach((id) => count(id, 1));
  });
  onScopeDispose(release);
}

export const isPresented = (callId: string): boolean => shown.has(callId);
