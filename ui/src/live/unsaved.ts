import { onScopeDispose } from 'vue';

const editors = new Set<() => boolean>();

/** Declares an editor; `hasText` says whether the agent has typed something there that is not sent yet. */
export function useUnsaved(hasText: () => boolean): void {
  editors.add(hasText);
  onScopeDispose(() => editors.delete(hasText));
}

/** The same for a whole form: unsaved is what differs from how it began, or from how it was last sent. */
export function useUnsavedForm(form: object): { readonly sent: () => void } {
  let untouched = JSON.stringify(form);
  useUnsaved(() => JSON.stringify(form) !== untouched);
  return { sent: () => void (untouched = JSON.stringify(form)) };
}

/** Whether leaving this screen by itself would take text away from under the agent's hands. */
export const hasUnsavedText = (): boolean => [...editors].some((hasText) => hasText());
