import { onBeforeUnmount } from 'vue';

/** Where in the text of a conversation the agent is. */
export interface Cursor {
  readonly field: 'subject' | 'gist';
  /** Characters before it. */
  readonly at: number;
}

const open = new Map<string, () => Cursor | null>();
const left = new Map<string, Cursor>();

/** Declares a form in which the text of a conversation is typed, and which may go away under the agent's hands. */
export function useCursor(conversationId: string, read: () => Cursor | null): void {
  open.set(conversationId, read);
  onBeforeUnmount(() => {
    const cursor = read();
    if (open.get(conversationId) === read) open.delete(conversationId);
    if (!cursor) return;
    // For the editor that takes the form's place in the same turn, before another key can be pressed.
    left.set(conversationId, cursor);
    setTimeout(() => left.delete(conversationId));
  });
}

/** Where the agent is typing at this moment, or was in the form that has just gone; null if nowhere. */
export const cursorOf = (conversationId: string): Cursor | null =>
  open.get(conversationId)?.() ?? left.get(conversationId) ?? null;

/** Where in a form's text the focus is; null if it is elsewhere. */
export function cursorIn(form: HTMLElement | null): Cursor | null {
  const typing = document.activeElement;
  if (!form?.contains(typing)) return null;
  if (typing instanceof HTMLTextAreaElement) return { field: 'gist', at: typing.selectionEnd };
  return typing instanceof HTMLInputElement ? { field: 'subject', at: typing.selectionEnd ?? typing.value.length } : null;
}
