import type { Db, Transaction } from '../../db/pool.ts';
import { inTransaction } from '../../db/pool.ts';
import { endCard } from '../../db/calls.ts';
import { publish, publishTicketChanged } from '../../db/stream.ts';
import type { DatabaseSteps } from '../../workflows/steps.ts';
import { codeWord } from '../telephony/mango/code-words.ts';
import { answerAction } from './actions.ts';
import { contextOf } from './context.ts';

interface CallbackRow {
  readonly id: string;
  readonly command_id: string;
  readonly ordered_by: string;
  readonly ticket_id: string;
  readonly entry_id: string | null;
}

/** What the `callback` workflow writes: how its command fares, and its end when no call comes of it. */
export function createCallbackSteps({ db }: { readonly db: Db }): Pick<DatabaseSteps, 'noteCallback' | 'settleCallback'> {
  return {
    noteCallback: (input) =>
      inTransaction(db, async (trx) => {
        // What the PBX's own events have already settled is not unsettled by a slower answer.
        await trx('calls')
          .where({ id: input.callId })
          .whereIn(
            'command_state',
            input.state === 'cancelled' ? ['stored', 'sent', 'accepted', 'unknown', 'bound'] : ['stored', 'sent'],
          )
          .update({ command_state: input.state });
        if (input.actionId && input.agentId) {
          await answerAction(contextOf(trx, input.callId), { actionId: input.actionId, agentId: input.agentId }, { code: null });
        }
      }),
    settleCallback: (input) =>
      inTransaction(db, async (trx) => {
        const state = input.code === 'cancelled' ? 'cancelled' : 'refused';
        await trx('calls')
          .where({ id: input.callId })
          .update({ command_state: state, command_code: input.code, state: 'over', ended_at: new Date() });
        if (input.code !== null) await reportFailure(trx, input.callId, refusalOf(input.code, input.pbxCode));
        if (input.actionId && input.agentId) {
          await answerAction(contextOf(trx, input.callId), { actionId: input.actionId, agentId: input.agentId }, { code: null });
        }
      }),
  };
}

/** Why there is no call: a word the interface has a sentence for, and the PBX's number to show to whoever looks after the PBX. */
export interface CallbackRefusal {
  readonly code: string;
  readonly pbxCode?: number;
}

/** The PBX's later word comes as `pbx_2240`; an unlisted number is read as its sub-class, then as its class. */
function refusalOf(code: string, pbxCode: number | undefined): CallbackRefusal {
  const later = /^pbx_(\d+)$/.exec(code)?.[1];
  if (later) return { code: codeWord(Number(later)), pbxCode: Number(later) };
  return { code, ...(pbxCode === undefined ? {} : { pbxCode }) };
}

/** Takes the dialling card away and tells the agent why there is no call. */
export async function reportFailure(trx: Transaction, callId: string, refusal: CallbackRefusal): Promise<void> {
  const row = (await trx('calls').where({ id: callId }).first('id', 'command_id', 'ordered_by', 'ticket_id', 'entry_id')) as
    CallbackRow | undefined;
  if (!row?.ordered_by) return;
  await endCard(trx, callId, row.ordered_by);
  await publish(trx, {
    type: 'callback.failed',
    agentId: row.ordered_by,
    payload: { commandId: row.command_id, callId, ticketId: row.ticket_id, ...refusal },
  });
  if (row.ticket_id) await publishTicketChanged(trx, row.ticket_id);
}
