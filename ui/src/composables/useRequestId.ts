import type { Problem } from '../client.ts';
import { newId } from '../new-id.ts';

/**
 * An id for what one button sends: kept while nobody knows whether it arrived, so that a repeat of the same happens once,
 * and another as soon as there was an answer, or something else is sent.
 */
export function useRequestId() {
  let pending: { readonly key: string; readonly id: string } | null = null;
  return {
    idFor(what: unknown): string {
      const key = JSON.stringify(what);
      if (pending?.key !== key) pending = { key, id: newId() };
      return pending.id;
    },
    answered(problem: Problem | null): void {
      if (!problem?.isPassing) pending = null;
    },
  };
}
