import type { Db } from '../../../db/pool.ts';
import type { CallbackOrder, CommandOutcome, HangUpOrder, Refusal } from '../port.ts';
import type { MangoClient } from './client.ts';

const MAX_ID_BYTES = 128;

/** Rings the employee, then the number (mango-api §4.1). Never sent twice under one command id. */
export async function callback(
  db: Db,
  client: MangoClient,
  integrationId: string,
  order: CallbackOrder,
): Promise<CommandOutcome> {
  const wrong = refusalOf(order);
  if (wrong) return wrong;
  const earlier = await claimCommand(db, integrationId, order.commandId);
  if (earlier) return earlier;
  const answer = await client.ask({
    path: '/vpbx/commands/callback',
    group: 'callback',
    params: { command_id: order.commandId, from: { extension: order.extension }, to_number: order.toNumber.replace(/^\+/, '') },
    patienceMs: order.patienceMs,
  });
  const outcome: CommandOutcome = answer.outcome === 'accepted' ? { outcome: 'accepted', code: answer.value.code } : answer;
  await settleCommand(db, integrationId, order.commandId, outcome);
  return outcome;
}

/** Ends one leg (mango-api §4.3). Ending it twice does no harm, so it may be repeated. */
export async function hangUp(client: MangoClient, order: HangUpOrder): Promise<CommandOutcome> {
  if (!isId(order.legId) || !isId(order.commandId)) return refused('bad_request');
  const answer = await client.ask({
    path: '/vpbx/commands/call/hangup',
    group: 'hangup',
    params: { command_id: order.commandId, call_id: order.legId },
    patienceMs: order.patienceMs,
  });
  return answer.outcome === 'accepted' ? { outcome: 'accepted', code: answer.value.code } : answer;
}

const refused = (word: Extract<Refusal, { outcome: 'refused' }>['word']): Refusal => ({ outcome: 'refused', code: null, word });
const isId = (id: string): boolean => id !== '' && Buffer.byteLength(id) <= MAX_ID_BYTES;

/** What the PBX would answer with 3xxx is refused before it is sent: the second such answer locks out everybody (mango-api §1.4). */
function refusalOf(order: CallbackOrder): Refusal | null {
  if (!isId(order.commandId)) return refused('bad_request');
  if (!/^[0-9]{1,16}$/.test(order.extension)) return refused('bad_extension');
  if (!/^\+?[0-9]{2,18}$/.test(order.toNumber)) return refused('bad_number');
  return null;
}

/** Null: ours to send. Otherwise what came of it, or that this is not known. */
async function claimCommand(db: Db, integrationId: string, commandId: string): Promise<CommandOutcome | null> {
  const claimed = await db('pbx_commands')
    .insert({ integration_id: integrationId, command_id: commandId })
    .onConflict(['integration_id', 'command_id'])
    .ignore()
    .returning('command_id');
  if (claimed.length > 0) return null;
  const row = (await db('pbx_commands').where({ integration_id: integrationId, command_id: commandId }).first('outcome')) as
    { outcome: CommandOutcome | null } | undefined;
  return row?.outcome ?? { outcome: 'unknown', word: 'answer_lost' };
}

/** A command that surely was not carried out may be tried again under the same id. */
async function settleCommand(db: Db, integrationId: string, commandId: string, outcome: CommandOutcome): Promise<void> {
  const row = db('pbx_commands').where({ integration_id: integrationId, command_id: commandId });
  if (wasNotSent(outcome)) await row.delete();
  else await row.update({ outcome: JSON.stringify(outcome) });
  await db('pbx_commands').where('sent_at', '<', db.raw(`now() - interval '7 days'`)).delete();
}

const wasNotSent = (outcome: CommandOutcome): boolean =>
  outcome.outcome === 'busy_try_later' ||
  outcome.outcome === 'locked_out' ||
  (outcome.outcome === 'refused' && outcome.word === 'pbx_unreachable');
