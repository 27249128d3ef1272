import { effectScope, reactive, watch } from 'vue';
import { client } from '../client.ts';
import type { Draft } from '../contract.ts';
import { newId } from '../new-id.ts';

const SAVE_AFTER_MS = 500;
const RETRY_AFTER_MS = 3000;

export interface CallDraft extends Draft {
  readonly callId: string;
  readonly conversationId: string;
  /** What the agent sees beside the fields. */
  state: 'empty' | 'unsaved' | 'saving' | 'saved';
}

interface Entry {
  readonly draft: CallDraft;
  /** The text the server has. */
  saved: Draft;
  timer: ReturnType<typeof setTimeout> | undefined;
  stop: () => void;
}

const entries = new Map<string, Entry>();
const keyOf = (conversationId: string): string => `trubka.draft.${conversationId}`;
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('trubka.drafts');
const same = (a: Draft, b: Draft): boolean => a.subject === b.subject && a.gist === b.gist;

function localCopy(conversationId: string): Draft | null {
  const text = sessionStorage.getItem(keyOf(conversationId));
  return text ? (JSON.parse(text) as Draft) : null;
}

/**
 * The text of one conversation, the same object wherever it is edited: on the form, on the ticket's page, after the end.
 * Kept in the tab's own storage at every key press, sent to the server shortly after, and again until the server has it.
 */
export function callDraft(callId: string, conversationId: string, fromServer: Draft | null): CallDraft {
  const known = entries.get(conversationId);
  if (known) return known.draft;
  const saved = { subject: fromServer?.subject ?? '', gist: fromServer?.gist ?? '' };
  const local = localCopy(conversationId);
  const start = local ?? saved;
  const draft = reactive<CallDraft>({ callId, conversationId, ...start, state: start.subject || start.gist ? 'saved' : 'empty' });
  const scope = effectScope(true);
  const entry: Entry = { draft, saved, timer: undefined, stop: () => scope.stop() };
  entries.set(conversationId, entry);
  scope.run(() => watch([() => draft.subject, () => draft.gist], () => whenTyped(entry)));
  if (!same(start, saved)) whenTyped(entry);
  return draft;
}

function whenTyped(entry: Entry): void {
  const { draft } = entry;
  const text = { subject: draft.subject, gist: draft.gist };
  if (same(text, entry.saved)) return;
  sessionStorage.setItem(keyOf(draft.conversationId), JSON.stringify(text));
  channel?.postMessage({ conversationId: draft.conversationId, ...text });
  draft.state = 'unsaved';
  clearTimeout(entry.timer);
  entry.timer = setTimeout(() => void save(entry), SAVE_AFTER_MS);
}

async function save(entry: Entry, keepalive = false): Promise<void> {
  clearTimeout(entry.timer);
  const { draft } = entry;
  const text = { subject: draft.subject, gist: draft.gist };
  if (same(text, entry.saved)) return;
  draft.state = 'saving';
  try {
    await client.calls.act(
      draft.callId,
      newId(),
      { type: 'save_draft', conversationId: draft.conversationId, ...text },
      keepalive,
    );
    entry.saved = text;
    if (same(text, draft)) {
      draft.state = 'saved';
      sessionStorage.removeItem(keyOf(draft.conversationId));
    }
  } catch {
    draft.state = 'unsaved';
    entry.timer = setTimeout(() => void save(entry), RETRY_AFTER_MS);
  }
}

/** The text of a conversation that is being edited in this tab, if any. */
export const knownDraft = (conversationId: string): CallDraft | undefined => entries.get(conversationId)?.draft;

/** Sends at once what has been typed so far. */
export async function flushDraft(conversationId: string): Promise<void> {
  const entry = entries.get(conversationId);
  if (entry) await save(entry);
}

/** The text has become a ticket or a message: nothing is left to save. */
export function forgetDraft(conversationId: string): void {
  const entry = entries.get(conversationId);
  clearTimeout(entry?.timer);
  entry?.stop();
  entries.delete(conversationId);
  sessionStorage.removeItem(keyOf(conversationId));
}

export function followDrafts(): void {
  const flushAll = (): void => {
    for (const entry of entries.values()) void save(entry, true);
  };
  window.addEventListener('pagehide', flushAll);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && flushAll());
  // The same form open in another tab shows the same text.
  channel?.addEventListener('message', (event: MessageEvent<Draft & { conversationId: string }>) => {
    const entry = entries.get(event.data.conversationId);
    if (!entry) return;
    entry.saved = { subject: event.data.subject, gist: event.data.gist };
    Object.assign(entry.draft, entry.saved, { state: 'saved' });
  });
}
