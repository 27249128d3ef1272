import type { DecisionContext } from './context.ts';

/** What is decided beside tickets; the timeline of the call tells it. Of cards and hand-overs `call_project` notes it itself. */
export type NotedDecision = 'not_picked_up' | 'nothing_made' | 'restarted' | 'stopped';

export async function noteDecision(
  { trx, callId, inboxId }: DecisionContext,
  what: NotedDecision,
  { rule = null, agentId = null }: { readonly rule?: string | null; readonly agentId?: string | null } = {},
): Promise<void> {
  await trx('call_decisions').insert({ call_id: callId, what, rule, inbox_id: inboxId ?? null, agent_id: agentId });
}

interface Shown {
  readonly state: 'ringing' | 'dialling' | 'talking';
  readonly direction: 'incoming' | 'outgoing';
}

/** By which item of the specification somebody has a card. */
export function ruleOfCard({ state, direction }: Shown, isCallback: boolean): string {
  if (direction === 'incoming') return state === 'talking' ? 'S2' : 'S1';
  if (!isCallback) return 'S10';
  return state === 'talking' ? 'S8' : 'S7';
}
