import type { InspectedRow } from '../../db/inspector.ts';
import { codeWord } from '../../activities/telephony/mango/code-words.ts';
import type {
  ActionOutcomeRow,
  CommandRow,
  DecisionRow,
  TicketEventRow,
  TimelineCall,
  TimelineRecording,
} from '../../db/timeline.ts';
import type { CallDecision, TimelineEntry } from '../contract/timeline.ts';
import { presentInspected } from './inspector.ts';

type Undated<T> = T extends unknown ? Omit<T, 'sinceMs' | 'at'> & { readonly at: Date } : never;
type Entry = Undated<TimelineEntry>;

const personOf = (id: string | null, name: string | null): { id: string; fullName: string } | null =>
  id === null ? null : { id, fullName: name ?? '' };
const eventRef = (inboxId: string | null): string | null => (inboxId === null ? null : `i${inboxId}`);

export interface TimelineParts {
  readonly call: TimelineCall;
  readonly events: readonly InspectedRow[];
  readonly decisions: readonly DecisionRow[];
  readonly tickets: readonly TicketEventRow[];
  readonly actions: readonly ActionOutcomeRow[];
  readonly commands: readonly CommandRow[];
  readonly recordings: readonly TimelineRecording[];
}

/** Everything about one call in the order in which it happened; of one instant, causes before what they caused. */
export function timelineOf(parts: TimelineParts): TimelineEntry[] {
  const all: Entry[] = [
    ...parts.events.map((row) => eventEntry(row, parts.actions)),
    ...parts.commands.map(commandEntry),
    ...parts.decisions.map((row, index) => decisionEntry(row, parts.decisions.slice(0, index))),
    ...parts.tickets.map(ticketEntry),
    ...parts.recordings.flatMap(recordingEntries),
    ...noCallEntry(parts.call),
  ];
  // A stable sort: of one millisecond the kinds stay in the order above.
  const sorted = all.sort((a, b) => a.at.getTime() - b.at.getTime());
  return sorted.map((entry, index): TimelineEntry => {
    const before = sorted[index - 1];
    const sinceMs = before ? entry.at.getTime() - before.at.getTime() : null;
    return { ...entry, at: entry.at.toISOString(), sinceMs } as TimelineEntry;
  });
}

function eventEntry(row: TimelineParts['events'][number], actions: readonly ActionOutcomeRow[]): Entry {
  const action = actions.find(({ agent_id, action_id }) => agent_id === row.agent_id && action_id === row.action_id);
  const settled = action !== undefined && action.state !== 'accepted';
  const ticket = action?.ticket_id && action.ticket_number ? { id: action.ticket_id, number: action.ticket_number } : null;
  return {
    type: 'event',
    at: row.received_at,
    event: presentInspected(row),
    outcome: settled ? { code: action.code, ticket } : resultOutcome(row),
  };
}

/** What the PBX said of a command afterwards, if it was a number. */
function resultOutcome({ path, state }: InspectedRow): { readonly code: string | null; readonly ticket: null } | null {
  if (!path?.startsWith('/result/') || !/^\d{1,9}$/.test(state ?? '')) return null;
  const word = codeWord(Number(state));
  return { code: word === 'done' ? null : word, ticket: null };
}

/** Of somebody who was talking, the card goes with the talk; otherwise it goes with the ringing. */
function ruleOf(row: DecisionRow, before: readonly DecisionRow[]): string | null {
  const last = before.findLast(({ agent_id, what }) => agent_id === row.agent_id && what.startsWith('card_'));
  return row.what === 'card_gone' && last?.what === 'card_talking' ? 'talk_over' : row.rule;
}

const decisionEntry = (row: DecisionRow, before: readonly DecisionRow[]): Entry => ({
  type: 'decision',
  at: row.at,
  rule: ruleOf(row, before),
  causedBy: eventRef(row.inbox_id),
  what: row.what as CallDecision,
  agent: personOf(row.agent_id, row.agent_name),
});

const ticketEntry = (row: TicketEventRow): Entry => ({
  type: 'ticket',
  at: row.at,
  rule: row.rule,
  causedBy: eventRef(row.inbox_id),
  what: row.type,
  ticket: { id: row.ticket_id, number: row.ticket_number },
  fromStatus: row.from_value,
  toStatus: row.to_value,
  assignee: personOf(row.assignee_id, row.assignee_name),
  agent: personOf(row.actor_id, row.actor_name),
});

const commandEntry = (row: CommandRow): Entry => ({
  type: 'command',
  at: row.ordered_at,
  what: row.what,
  commandId: row.command_id,
  answeredAt: row.answered_at?.toISOString() ?? null,
  state: row.state,
  word: row.word,
  code: row.code,
  agent: personOf(row.agent_id, row.agent_name),
});

/** An order to dial that no call came of. The PBX's later refusal stands there as `pbx_2240`. */
function noCallEntry({ command_id, command_state, command_code, ended_at }: TimelineCall): Entry[] {
  const isOver = command_state === 'refused' || command_state === 'cancelled';
  if (!isOver || command_id === null || command_code === null || ended_at === null) return [];
  const later = /^pbx_(\d+)$/.exec(command_code)?.[1];
  const code = later === undefined ? null : Number(later);
  const word = code === null ? command_code : codeWord(code);
  return [
    {
      ...{ type: 'command', at: ended_at, what: 'no_call', commandId: command_id, answeredAt: null, state: null, agent: null },
      ...{ word, code },
    },
  ];
}

function recordingEntries(row: TimelineRecording): Entry[] {
  const entry = (what: 'announced' | 'asked_again' | 'ready' | 'unavailable' | 'removed', at: Date | null): Entry[] =>
    at === null
      ? []
      : [
          {
            type: 'recording',
            at,
            what,
            recordingId: row.id,
            reason: what === 'unavailable' ? row.reason : null,
            attempts: row.attempts,
            durationSeconds: what === 'ready' ? row.duration_seconds : null,
          },
        ];
  return [
    ...(row.recording_id === null ? [] : entry('announced', row.created_at)),
    ...entry('asked_again', row.requested_again_at),
    ...entry('ready', row.ready_at),
    ...(row.state === 'unavailable' && row.removed_at === null ? entry('unavailable', row.updated_at) : []),
    ...entry('removed', row.removed_at),
  ];
}
