import { newCallState, ringingOf, withCallMessage, type CallState } from '../../domain/decisions.ts';
import { printOf } from '../../domain/projection.ts';
import type { InboxRow } from '../../db/inbox.ts';
import type { Logger } from '../../db/log.ts';
import type { Db } from '../../db/pool.ts';
import { showRinging } from '../decisions/project.ts';
import type { CallDelivery, Delivery } from './deliveries.ts';

/** Calls that ring at one time, of which this process remembers what it has heard. */
const MOST_CALLS = 1_000;

interface Heard {
  readonly state: CallState;
  /** Of the inbox: all that this process has heard of the call. */
  readonly rows: ReadonlySet<string>;
  readonly shown: string | null;
}

const NOTHING: Omit<Heard, 'state'> = { rows: new Set(), shown: null };

export interface Ringing {
  /**
   * S1: puts the cards of a call that rings on the agents' screens, before Temporal hears of it, and adds to its delivery what has been
   * shown, so that its workflow need not show it again.
   */
  show(connection: unknown, rows: readonly InboxRow[], deliveries: readonly Delivery[]): Promise<readonly Delivery[]>;
}

/**
 * A card shall not wait for a server that is busy or away. What shows is decided by the same rules as in the workflow, from the same messages; where
 * this process has not heard them all, or more than ringing has happened, it is left to the workflow.
 */
export function createRinging({ db, log }: { readonly db: Db; readonly log: Logger }): Ringing {
  const calls = new Map<string, Heard>();

  function remember(callId: string, heard: Heard): void {
    calls.delete(callId);
    calls.set(callId, heard);
    for (const oldest of calls.keys()) {
      if (calls.size <= MOST_CALLS) break;
      calls.delete(oldest);
    }
  }

  async function showCall(connection: unknown, rows: readonly InboxRow[], call: CallDelivery): Promise<string | null> {
    const known = calls.get(call.callId) ?? { ...NOTHING, state: newCallState(call.callId) };
    const fresh = call.parcels.filter(({ rowId }) => !known.rows.has(rowId)).map(({ message }) => message);
    if (fresh.length === 0) return known.shown;
    const state = fresh.reduce((before, message) => withCallMessage(before, message, message.receivedAt), known.state);
    const projection = ringingOf(state);
    if (!projection) return null;
    const waiting = rows.filter(({ id }) => known.rows.has(id)).length;
    const of = { callId: call.callId, inboxId: fresh.at(-1)?.inboxId ?? null, toldBy: known.rows.size - waiting };
    if (!(await showRinging({ db, connection }, of, projection))) return null;
    const shown = printOf(projection);
    remember(call.callId, { state, rows: new Set([...known.rows, ...rows.map(({ id }) => id)]), shown });
    return shown;
  }

  return {
    async show(connection, rows, deliveries) {
      const [call, ...others] = deliveries.filter((delivery) => delivery.kind === 'call');
      if (!call) return deliveries;
      const isPlain = others.length === 0 && !call.over && call.bound.length === 0;
      const shown = isPlain ? await showCall(connection, rows, call).catch((error: unknown) => failed(error)) : null;
      if (shown === null) calls.delete(call.callId);
      return shown === null ? deliveries : deliveries.map((delivery) => (delivery === call ? { ...call, shown } : delivery));
    },
  };

  /** The card comes with the workflow, then. */
  function failed(error: unknown): null {
    log.warn({ err: error }, 'Could not show a call before its workflow');
    return null;
  }
}
