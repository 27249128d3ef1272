import { hearing, NOTHING_HEARD } from '../../domain/causes.ts';
import { newCallState, withCallMessage, type CallState, type ProjectedCard } from '../../domain/decisions.ts';
import { printOf } from '../../domain/projection.ts';
import { ringingOf, withoutEnded, type Ringing as Look } from '../../domain/ringing.ts';
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

const NOTHING: Omit<Heard, 'state'> = { rows: new Set(), cards: [], shown: null };

/** What there is to see of a call, and what was known before and is now. */
interface Found {
  readonly look: Look;
  readonly known: Heard;
  readonly heard: Heard;
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
  /** To be called once Temporal has the batch: what follows from it is the workflow's to show. */
  readonly wasSent: () => void;
}

export interface Ringing {
  /**
   * S1: puts the cards of a call that rings on the agents' screens before Temporal hears of it; and takes them away again unless it `isSent`
   * to Temporal right away.
   */
  show(batch: Batch & { readonly isSent: boolean }): Promise<Shown>;
  /** Whether this process has cards of that entry on somebody's screen. */
  shows(key: EntryKey): boolean;
}

/**
 * A card shall not wait for a server that is busy or away. What shows is decided by the same rules as in the workflow, from the same
 * messages; where this process has not heard them all, or somebody has talked, it is left to the workflow.
 */
export function createRinging({ db, log }: { readonly db: Db; readonly log: Logger }): Ringing {
  const calls = new Map<string, Heard>();

  const forget = (key: EntryKey): void => void calls.delete(nameOfEntry(key));
  function remember(key: EntryKey, heard: Heard): void {
    forget(key);
    calls.set(nameOfEntry(key), heard);
    for (const oldest of calls.keys()) {
      if (calls.size <= MOST_CALLS) break;
      calls.delete(oldest);
    }
  }

  /** The call as it is with this batch; null where it is the workflow's to show. */
  function lookAt({ key, rows }: Batch, call: CallDelivery): Found | null {
    if (call.over || call.bound.length > 0) return null;
    const known = calls.get(nameOfEntry(key)) ?? { ...NOTHING, state: newCallState(call.callId) };
    const fresh = call.parcels.filter(({ rowId }) => !known.rows.has(rowId)).map(({ message }) => message);
    const state = fresh.reduce((before, message) => withCallMessage(before, message, message.receivedAt), known.state);
    const look = ringingOf(state);
    if (!look || (look.phase === 'talked' && known.cards.length === 0)) return null;
    return { look, known, heard: { ...NOTHING, state, rows: new Set([...known.rows, ...rows.map(({ id }) => id)]) } };
  }

  /** Shows what rings, and takes away what rings no longer; false where it is the workflow's to say. */
  async function write(batch: Batch, call: CallDelivery, { look, known, heard }: Found): Promise<Heard | false> {
    if (look.phase !== 'ringing' && known.cards.length === 0) return heard;
    const projection = look.phase === 'ringing' ? look.projection : withoutEnded(look, known.cards);
    const causes = call.parcels.reduce((before, { message }) => hearing(before, message), NOTHING_HEARD);
    const of = { callId: call.callId, inboxId: causes.latest, heardOf: causes.of, toldBy: heard.rows.size - batch.rows.length };
    const isWritten = await showRinging({ db, connection: batch.connection }, of, projection);
    return isWritten && { ...heard, cards: projection.cards, shown: printOf(projection) };
  }

  /** Null where it is left to the workflow. */
  async function showBatch({ isSent, ...batch }: Batch & { readonly isSent: boolean }): Promise<Shown | null> {
    const { key, deliveries } = batch;
    const call = onlyCallOf(batch);
    const found = call && lookAt(batch, call);
    if (!found) return null;
    if (isSent && found.look.phase === 'talked') return { deliveries, isLeft: false, wasSent: () => forget(key) };
    if (isSent && found.look.phase === 'quiet') return { deliveries, isLeft: false, wasSent: () => remember(key, found.heard) };
    const heard = await write(batch, call, found);
    if (!heard) return null;
    remember(key, heard);
    const { shown } = heard;
    const told = shown === null ? deliveries : deliveries.map((each) => (each === call ? { ...call, shown } : each));
    return { deliveries: told, isLeft: false, wasSent: () => undefined };
  }

  return {
    async show(batch) {
      const shown = await showBatch(batch).catch((error: unknown) => failed(error));
      if (shown) return shown;
      forget(batch.key);
      return { deliveries: batch.deliveries, isLeft: true, wasSent: () => undefined };
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
