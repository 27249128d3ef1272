import { onScopeDispose } from 'vue';

const editors = new Set<() => boolean>();

/** Declares an editor; `hasText` says whether the agent has typed something there that is not sent yet. */
export function useUnsaved(hasText: () => boolean): void {
  editors.add(hasText);
  onScopeDispose(() => editors.delete(hasText));
}

/** Whether leaving this screen by itself would take text away from under the agent's hands. */
export const hasUnsavedText = (): boolean => [...editors].some((hasText) => hasText());
