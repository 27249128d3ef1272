import type { CallMessage, Party } from './messages.ts';

/** What led to what follows: the rows of the inbox that moved the call. */
export interface Heard {
  /** The latest of all; null before the first. */
  readonly latest: number | null;
  /** The latest that names an agent, by the agent's id. */
  readonly of: Readonly<Record<string, number>>;
}

export const NOTHING_HEARD: Heard = { latest: null, of: {} };

/** Legs and the summary move a call. A recording does not; and what an agent asks for names itself as the cause. */
export function hearing(before: Heard, message: CallMessage): Heard {
  if (message.type !== 'leg' && message.type !== 'summary') return before;
  const { inboxId } = message;
  const later = (known: number | null | undefined): number => Math.max(known ?? inboxId, inboxId);
  const latest = later(before.latest);
  if (message.type === 'summary') return { ...before, latest };
  const named = [message.from, message.to].flatMap((party: Party) => (party.kind === 'agent' ? [party.agentId] : []));
  return { latest, of: { ...before.of, ...Object.fromEntries(named.map((id) => [id, later(before.of[id])])) } };
}
