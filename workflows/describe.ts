import { viewOf } from '../domain/call.ts';
import type { CallState } from '../domain/decisions.ts';

function stateOf(state: CallState): string {
  const view = viewOf(state.facts);
  if (state.overAt !== null) {
    const waiting = state.recordings.some((recording) => recording.state !== 'settled');
    return waiting ? 'waiting_for_recording' : 'over';
  }
  if (view.talks.some((talk) => talk.endedAt === null)) return 'talking';
  if (view.legs.length === 0) return 'starting';
  return view.allLegsOver ? 'ending' : 'ringing';
}

const moment = (instant: number | null): string | null => (instant === null ? null : new Date(instant).toISOString());

/** The call in words, for whoever looks at it in Temporal: what is known, what was done, what is waited for. */
export function describe(state: CallState): Record<string, unknown> {
  const view = viewOf(state.facts);
  return {
    callId: state.callId,
    state: stateOf(state),
    direction: view.direction ?? 'unknown',
    over: moment(state.overAt),
    summary: state.facts.summary ? 'arrived' : 'not yet',
    legs: view.legs.map((leg) => ({
      leg: leg.legId,
      at: leg.location,
      state: leg.expired ? 'closed by timer' : leg.state,
      from: leg.from.kind === 'agent' ? `agent ${leg.from.agentId}` : leg.from.kind,
      to: leg.to.kind === 'agent' ? `agent ${leg.to.agentId}` : leg.to.kind,
      since: moment(leg.startedAt),
      until: moment(leg.endedAt),
    })),
    conversations: state.conversations.map((known) => ({
      id: known.id,
      agent: known.agentId,
      talked: known.talked,
      ticket: known.settled ? 'settled' : 'not yet settled',
    })),
    recordings: state.recordings.map((known) => ({
      recording: known.recordingId,
      conversation: known.conversationId,
      state: known.state,
      attempts: known.attempts,
      next: moment(known.nextAttemptAt),
    })),
  };
}
