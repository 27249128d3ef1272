import { effectScope, reactive, watch } from 'vue';
import { client, Problem } from '../client.ts';
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
/** Whose drafts these are: another agent who signs in in the same tab does not see them. */
let owner = '';
const prefix = (): string => `trubka.draft.${owner}.`;
const keyOf = (conversationId: string): string => `${prefix()}${conversationId}`;
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('trubka.drafts');
const same = (a: Draft, b: Draft): boolean => a.subject === b.subject && a.gist === b.gist;

/** `sent`: the server has it. It is kept all the same: a ticket's message need not have taken it over. */
type LocalCopy = Draft & { readonly callId: string; readonly sent?: boolean };
function localCopy(conversationId: string): LocalCopy | null {
  const text = sessionStorage.getItem(keyOf(conversationId));
  return text ? (JSON.parse(text) as LocalCopy) : null;
}

/**
 * The text of one conversation, the same object wherever it is edited: on the form, on the ticket's page, after the end.
 * Kept in the tab's own storage at every key press until it is saved or given up; sent to the server shortly after, and again
 * until the server has it.
 */
export function callDraft(callId: string, conversationId: string, fromServer: Draft | null): CallDraft {
  const known = entries.get(conversationId);
  if (known) return known.draft;
  const saved = { subject: fromServer?.subject ?? '', gist: fromServer?.gist ?? '' };
  const local = localCopy(conversationId);
  const start = local ? { subject: local.subject, gist: local.gist } : saved;
  const sent = local?.sent ? start : saved;
  const draft = reactive<CallDraft>({ callId, conversationId, ...start, state: start.subject || start.gist ? 'saved' : 'empty' });
  const scope = effectScope(true);
  const entry: Entry = { draft, saved: sent, timer: undefined, stop: () => scope.stop() };
  entries.set(conversationId, entry);
  scope.run(() => watch([() => draft.subject, () => draft.gist], () => whenTyped(entry)));
  if (!same(start, sent)) whenTyped(entry);
  return draft;
}

function keep({ draft, saved }: Entry): void {
  const { callId, subject, gist } = draft;
  const copy: LocalCopy = { callId, subject, gist, ...(same(draft, saved) ? { sent: true } : {}) };
  sessionStorage.setItem(keyOf(draft.conversationId), JSON.stringify(copy));
}

function whenTyped(entry: Entry): void {
  const { draft } = entry;
  const text = { subject: draft.subject, gist: draft.gist };
  keep(entry);
  if (same(text, entry.saved)) return;
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
  const had = entry.saved;
  entry.saved = text;
  try {
    await client.calls.act(
      draft.callId,
      newId(),
      { type: 'save_draft', conversationId: draft.conversationId, ...text },
      keepalive,
    );
    // Typed on meanwhile, or forgotten.
    if (!same(text, draft) || entries.get(draft.conversationId) !== entry) return;
    draft.state = 'saved';
    keep(entry);
  } catch (error) {
    entry.saved = had;
    draft.state = 'unsaved';
    if (entries.get(draft.conversationId) !== entry) return;
    // What is refused stays refused. The text stays in the tab, and is sent again after the next sign-in or reload.
    if (!(error instanceof Problem) || error.isPassing) entry.timer = setTimeout(() => void save(entry), RETRY_AFTER_MS);
  }
}

/** The gist typed in this tab that was neither saved nor given up. */
export const keptGist = (conversationId: string): string | null => localCopy(conversationId)?.gist ?? null;

/** The text of a conversation that is being edited in this tab, if any. */
export const knownDraft = (conversationId: string): CallDraft | undefined => entries.get(conversationId)?.draft;

/** Sends at once what has been typed so far. */
export async function flushDraft(conversationId: string): Promise<void> {
  const entry = entries.get(conversationId);
  if (entry) await save(entry);
}

function drop(conversationId: string): void {
  const entry = entries.get(conversationId);
  clearTimeout(entry?.timer);
  entry?.stop();
  entries.delete(conversationId);
}

/** The text has become a ticket or a message, or was given up: nothing is left to save, in no tab. */
export function forgetDraft(conversationId: string): void {
  drop(conversationId);
  sessionStorage.removeItem(keyOf(conversationId));
  channel?.postMessage({ conversationId, forgotten: true });
}

/** Signed out: what was not saved stays in the tab's storage, for this agent's return. */
export function leaveDrafts(): void {
  for (const conversationId of [...entries.keys()]) drop(conversationId);
}

/** Sends what the server does not have yet: typed before a reload, while signed out, or without a network. */
export function resumeDrafts(agentId = owner): void {
  owner = agentId;
  for (const key of Object.keys(sessionStorage).filter((one) => one.startsWith(prefix()))) {
    const conversationId = key.slice(prefix().length);
    callDraft(localCopy(conversationId)!.callId, conversationId, null);
  }
  for (const entry of entries.values()) void save(entry);
}

export function followDrafts(): void {
  window.addEventListener('online', () => resumeDrafts());
  const flushAll = (): void => {
    for (const entry of entries.values()) void save(entry, true);
  };
  window.addEventListener('pagehide', flushAll);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && flushAll());
  // The same form open in another tab shows the same text.
  channel?.addEventListener('message', ({ data }: MessageEvent<Draft & { conversationId: string; forgotten?: true }>) => {
    const entry = entries.get(data.conversationId);
    if (data.forgotten) return sessionStorage.removeItem(keyOf(data.conversationId));
    if (!entry) return;
    entry.saved = { subject: data.subject, gist: data.gist };
    Object.assign(entry.draft, entry.saved, { state: 'saved' });
  });
}
