import { client, Problem, type ActionBody } from '../client.ts';
import type { ActionState } from '../contract.ts';
import { on } from './stream.ts';

const ASK_AFTER_MS = [1500, 2000, 4000, 6000] as const;

export type Outcome = Pick<ActionState, 'state' | 'code' | 'ticketId'>;
const waiting = new Map<string, (outcome: Outcome) => void>();

export function followActions(): void {
  on('action.done', (told) => waiting.get(told.actionId)?.({ state: 'done', code: null, ticketId: told.ticketId ?? null }));
  on('action.refused', (told) =>
    waiting.get(told.actionId)?.({ state: 'refused', code: told.code, ticketId: told.ticketId ?? null }),
  );
}

const pause = (ms: number): Promise<null> => new Promise((resolve) => setTimeout(() => resolve(null), ms));

/**
 * Sends an agent's action and waits until it has taken effect: told by the stream, or asked for where the stream is silent.
 * A repeat under the same `actionId` is the same action. Throws a Problem where it was refused or nothing is known in time.
 */
export async function act(callId: string, actionId: string, action: ActionBody): Promise<Outcome> {
  const told = new Promise<Outcome>((resolve) => waiting.set(actionId, resolve));
  try {
    const answer = await client.calls.act(callId, actionId, action);
    const outcome = answer.state !== 'accepted' ? answer : await outcomeOf(callId, actionId, told);
    if (outcome.state === 'refused') {
      throw new Problem(409, outcome.code ?? 'unknown', outcome.ticketId ? { ticketId: outcome.ticketId } : {});
    }
    return outcome;
  } finally {
    waiting.delete(actionId);
  }
}

async function outcomeOf(callId: string, actionId: string, told: Promise<Outcome>): Promise<Outcome> {
  for (const ms of ASK_AFTER_MS) {
    const outcome = (await Promise.race([told, pause(ms)])) ?? (await client.calls.outcome(callId, actionId).catch(() => null));
    if (outcome && outcome.state !== 'accepted') return outcome;
  }
  throw new Problem(0, 'timeout');
}
