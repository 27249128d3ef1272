import { noteCommand, settleCommand, type OrderedCommand } from '../db/call-commands.ts';
import type { Db } from '../db/pool.ts';
import { inTransaction } from '../db/pool.ts';
import type { Logger } from '../db/log.ts';
import type { CommandOutcome as StepOutcome, PbxSteps } from '../workflows/steps.ts';
import { answerAction } from './decisions/actions.ts';
import { contextOf } from './decisions/context.ts';
import { fateOf, wordOf, type CommandOutcome, type TelephonyPort } from './telephony/port.ts';

export interface CommandDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly telephony: { forIntegration(integrationId: string): TelephonyPort };
  /** How long a full quota may be waited for before the agent is told (spec, Webhooks: a few seconds). */
  readonly patienceMs: number;
}

interface CallbackRow {
  readonly integration_id: string;
  readonly phone: string | null;
  readonly ordered_by: string;
}

/** The call workflows' commands to the PBX. Each is sent at most once; what came of it is a value, never an exception. */
export function createCommandSteps(deps: CommandDeps): Pick<PbxSteps, 'placeCallback' | 'hangUpLeg'> {
  const { db, log } = deps;

  /** The timeline of the call tells of each command: that it was ordered, and what came of it. */
  async function noted(command: OrderedCommand, send: () => Promise<CommandOutcome>): Promise<CommandOutcome> {
    await noteCommand(db, command);
    const outcome = await send();
    await settleCommand(db, command, fateOf(outcome));
    return outcome;
  }
  async function notSent(command: OrderedCommand, word: 'no_phone' | 'no_operator'): Promise<StepOutcome> {
    await noteCommand(db, command);
    await settleCommand(db, command, { state: 'not_sent', word, code: null });
    return { state: 'refused', code: word };
  }

  return {
    async placeCallback({ callId, commandId }) {
      const call = (await db('calls').where({ id: callId }).first('integration_id', 'phone', 'ordered_by')) as
        CallbackRow | undefined;
      if (!call) return { state: 'refused', code: 'no_phone' };
      const command = { callId, commandId, what: 'callback', agentId: call.ordered_by } as const;
      if (!call.phone) return notSent(command, 'no_phone');
      const extension = await extensionOf(db, call.integration_id, call.ordered_by);
      if (!extension) return notSent(command, 'no_operator');
      const taken = await db('calls').where({ id: callId, command_state: 'stored' }).update({ command_state: 'sent' });
      // It left before, for a workflow that is gone since: the PBX may be dialling already.
      if (taken === 0) return { state: 'unknown' };
      const order = { commandId, extension, toNumber: call.phone, patienceMs: deps.patienceMs };
      const pbx = deps.telephony.forIntegration(call.integration_id);
      const outcome = await noted(command, () => pbx.callback(order));
      log.info({ callId, commandId, outcome: outcome.outcome }, 'Callback ordered');
      return outcomeOf(outcome);
    },

    async hangUpLeg({ callId, legId, actionId, agentId }) {
      const call = (await db('calls').where({ id: callId }).first('integration_id')) as { integration_id: string } | undefined;
      if (!call) return { state: 'refused', code: 'call_not_found' };
      const commandId = `hangup-${actionId}`.slice(0, 128);
      const pbx = deps.telephony.forIntegration(call.integration_id);
      const outcome = await noted({ callId, commandId, what: 'hang_up', agentId }, () =>
        pbx.hangUp({ commandId, legId, patienceMs: deps.patienceMs }),
      );
      const result = outcomeOf(outcome);
      if (agentId) {
        const code = result.state === 'refused' ? result.code : null;
        await inTransaction(db, (trx) => answerAction(contextOf(trx, callId), { actionId, agentId }, { code }));
      }
      log.info({ callId, outcome: outcome.outcome }, 'Hang-up ordered');
      return result;
    },
  };
}

/** The extension at which the PBX rings this agent: of several the lowest. */
async function extensionOf(db: Db, integrationId: string, agentId: string): Promise<string | null> {
  const row = (await db('operators')
    .where({ integration_id: integrationId, agent_id: agentId, present: true })
    .orderBy('extension')
    .first('extension')) as { extension: string } | undefined;
  return row?.extension ?? null;
}

function outcomeOf(outcome: CommandOutcome): StepOutcome {
  switch (outcome.outcome) {
    case 'accepted':
      return { state: 'accepted' };
    case 'unknown':
      return { state: 'unknown' };
    case 'refused':
      return { state: 'refused', code: outcome.word, ...(outcome.code === null ? {} : { pbxCode: outcome.code }) };
    case 'busy_try_later':
    case 'locked_out':
      return { state: 'refused', code: wordOf(outcome) };
  }
}
