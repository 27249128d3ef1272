import {
  newCallState,
  ringingOf,
  withCallMessage,
  withoutEnded,
  type CallState,
  type ProjectedCard,
  type Ringing as Look,
} from '../../domain/decisions.ts';
import { printOf } from '../../domain/projection.ts';
import { nameOfEntry, type EntryKey, type InboxRow } from '../../db/inbox.ts';
import type { Logger } from '../../db/log.ts';
import type { Db } from '../../db/pool.ts';
import { showRinging } from '../decisions/project.ts';
import type { CallDelivery, Delivery } from './deliveries.ts';

/** Calls that ring at one time, of which this process remembers what it has heard. */
const MOST_CALLS = 1_000;

/** What this process has heard of a call, from its first event on, and shown of it. */
interface Heard {
  readonly state: CallState;
  /** Of the inbox: all that has been heard. */
  readonly rows: ReadonlySet<string>;
  readonly cards: readonly ProjectedCard[];
  /** The print of what was written last; null if it was the workflow that wrote since. */
  readonly shown: string | null;
}

/** One batch of an entry. */
export interface Batch {
  readonly connection: unknown;
  readonly key: EntryKey;
  readonly rows: readonly InboxRow[];
  readonly deliveries: readonly Delivery[];
}

export interface Shown {
  /** With word to the workflow of what has been shown, so that it need not show it again. */
  readonly deliveries: readonly Delivery[];
  /** Nothing more can be shown of this call but by its workflow. */
  readonly isLeft: boolean;
}

export interface Ringing {
  /**
   * S1: puts the cards of a call that rings on the agents' screens before Temporal hears of it; and takes them away again unless it `isSent`
   * to Temporal right away.
   */
  show(batch: Batch & { readonly isSent: boolean }): Promise<Shown>;
  /** Temporal has it: what follows from it is the workflow's to show. */
  wasSent(batch: Batch): void;
  /** Whether this process has cards of that entry on somebody's screen. */
  shows(key: EntryKey): boolean;
}

/**
 * A card shall not wait for a server that is busy or away. What shows is decided by the same rules as in the workflow, from the same
 * messages; where this process has not heard them all, or somebody has talked, it is left to the workflow.
 */
export function createRinging({ db, log }: { readonly db: Db; readonly log: Logger }): Ringing {
  const calls = new Map<string, Heard>();

  function remember(name: string, heard: Heard): void {
    calls.delete(name);
    calls.set(name, heard);
    for (const oldest of calls.keys()) {
      if (calls.size <= MOST_CALLS) break;
      calls.delete(oldest);
    }
  }

  /** The call as it is with this batch; null where it is the workflow's to show. */
  function lookAt(
    { key, rows }: Batch,
    call: CallDelivery,
  ): { readonly known: Heard; readonly heard: Heard; readonly look: Look } | null {
    if (call.over || call.bound.length > 0) return null;
    const known = calls.get(nameOfEntry(key)) ?? {
      state: newCallState(call.callId),
      rows: new Set<string>(),
      cards: [],
      shown: null,
    };
    const fresh = call.parcels.filter(({ rowId }) => !known.rows.has(rowId)).map(({ message }) => message);
    const state = fresh.reduce((before, message) => withCallMessage(before, message, message.receivedAt), known.state);
    const look = ringingOf(state);
    if (!look || (look.phase === 'talked' && known.cards.length === 0)) return null;
    return { known, heard: { state, rows: new Set([...known.rows, ...rows.map(({ id }) => id)]), cards: [], shown: null }, look };
  }

  /** Writes what is to be shown by this process: what rings, and what rings no longer. Null where it is the workflow's to show. */
  async function showCall(batch: Batch, call: CallDelivery, isSent: boolean): Promise<{ readonly shown: string | null } | null> {
    const found = lookAt(batch, call);
    if (!found) return null;
    const { known, heard, look } = found;
    if (look.phase !== 'ringing' && isSent) return { shown: null };
    const isAsBefore = look.phase !== 'ringing' && known.cards.length === 0;
    const write = look.phase === 'ringing' ? look.projection : withoutEnded(look, known.cards);
    const inboxId = call.parcels.at(-1)?.message.inboxId ?? null;
    const of = { callId: call.callId, inboxId, toldBy: heard.rows.size - batch.rows.length };
    if (!isAsBefore && !(await showRinging({ db, connection: batch.connection }, of, write))) return null;
    const shown = isAsBefore ? null : printOf(write);
    remember(nameOfEntry(batch.key), { ...heard, cards: write.cards, shown });
    return { shown };
  }

  return {
    async show({ isSent, ...batch }) {
      const { deliveries, key } = batch;
      const call = onlyCallOf(batch);
      const found = call && (await showCall(batch, call, isSent).catch((error: unknown) => failed(error)));
      if (!found) calls.delete(nameOfEntry(key));
      const shown = found?.shown ?? null;
      if (shown === null) return { deliveries, isLeft: !found };
      return { deliveries: deliveries.map((delivery) => (delivery === call ? { ...delivery, shown } : delivery)), isLeft: false };
    },
    wasSent(batch) {
      const call = onlyCallOf(batch);
      const found = call && lookAt(batch, call);
      if (!found || found.look.phase === 'talked') calls.delete(nameOfEntry(batch.key));
      else if (found.look.phase === 'quiet') remember(nameOfEntry(batch.key), found.heard);
    },
    shows: (key) => (calls.get(nameOfEntry(key))?.cards.length ?? 0) > 0,
  };

  /** The card comes with the workflow, then. */
  function failed(error: unknown): null {
    log.warn({ err: error }, 'Could not show a call before its workflow');
    return null;
  }
}

function onlyCallOf({ deliveries }: Batch): CallDelivery | null {
  const [call, ...others] = deliveries.filter((delivery) => delivery.kind === 'call');
  return call && others.length === 0 ? call : null;
}
