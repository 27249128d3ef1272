import { viewOf } from './call.ts';
import type { CallState } from './state.ts';

/** By what a call can be found among the workflows. */
export interface SearchKeys {
  readonly state: 'ringing' | 'talking' | 'waiting_for_recording' | 'over';
  readonly direction: 'incoming' | 'outgoing' | 'internal' | 'unknown';
  readonly agents: readonly string[];
  readonly tickets: readonly string[];
}

function stateOf(state: CallState): SearchKeys['state'] {
  if (state.overAt !== null) {
    const waiting = state.recordings.some((recording) => recording.state !== 'settled');
    return waiting ? 'waiting_for_recording' : 'over';
  }
  return viewOf(state.facts).talks.length > 0 ? 'talking' : 'ringing';
}

/** Each change costs a write of Temporal's: a pause between two legs is not told, nor the seconds between a talk's end and the call's. */
export function searchKeysOf(state: CallState): SearchKeys {
  const view = viewOf(state.facts);
  const rung = view.legs.flatMap((leg) => [leg.from, leg.to]).flatMap((party) => (party.kind === 'agent' ? [party.agentId] : []));
  return {
    state: stateOf(state),
    direction: view.direction ?? 'unknown',
    agents: [...new Set(rung)].sort(),
    tickets: state.tickets,
  };
}
