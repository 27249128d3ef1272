import type { ActionMessage, ActionType, CallMessage, LegMessage, Party, RecordingMessage } from '../../domain/messages.ts';
import type { CallbackMessage } from '../../workflows/messages.ts';
import { agent, type CallRunner } from './call-runner.ts';
import { SCENARIOS } from './call-scenarios.ts';
import { OURS } from './leg-events.ts';
import type { LiveCall } from './live-call.ts';

interface Stage {
  readonly events: CallRunner;
  readonly call: LiveCall;
  readonly anna: string;
  readonly boris: string;
  readonly vera: string;
  /** From which a callback of ours is ordered. */
  readonly ticketId: string;
}

const outside: Party = { kind: 'outside', number: 1 };
let inboxId = 5_000_000;

function recording(
  recordingId: string,
  state: RecordingMessage['state'],
  part: Partial<RecordingMessage> = {},
): RecordingMessage {
  return {
    type: 'recording',
    inboxId: ++inboxId,
    receivedAt: Date.now(),
    recordingId,
    seq: 1,
    state,
    legId: null,
    party: null,
    completionCode: null,
    recipient: null,
    ...part,
  };
}

const ring = ({ events, anna }: Stage, leg = 'A'): LegMessage => events.leg(leg, 'appeared', { to: agent(anna) });

function action({ events, anna }: Stage, type: ActionType, part: Partial<ActionMessage> = {}): ActionMessage {
  return {
    type: 'action',
    inboxId: ++inboxId,
    receivedAt: Date.now(),
    actionId: `${type}-${inboxId}`,
    agentId: anna,
    action: type,
    conversationId: `${events.callId}.1`,
    ticketId: null,
    customerId: null,
    recordingId: null,
    hasText: false,
    ...part,
  };
}

/** A script is about people known by their first names, and of a ticket of ours. */
function withRealIds(message: CallMessage, { anna, boris, vera, ticketId }: Stage): CallMessage {
  const ids: Readonly<Record<string, string>> = { anna, boris, vera, [OURS.ours?.ticketId ?? '']: ticketId };
  return JSON.parse(JSON.stringify(message), (key, value: unknown) =>
    (key === 'agentId' || key === 'ticketId') && typeof value === 'string' ? (ids[value] ?? value) : value,
  ) as CallMessage;
}

/** Every kind of call that the rules are tested with, one message at a time. */
const SCRIPTED = Object.entries(SCENARIOS).map(([name, script]): [string, (stage: Stage) => Promise<void>] => [
  name.replaceAll(/[^a-z0-9]+/gu, '-'),
  async (stage) => {
    for (const message of script().messages) await stage.call.send(withRealIds(message, stage));
  },
]);

async function answeredWithRecording(stage: Stage): Promise<void> {
  const { events, call, anna } = stage;
  await call.send(ring(stage));
  await call.send(events.leg('A', 'connected'));
  await call.send(recording('R', 'started', { legId: 'A', party: agent(anna) }));
  await call.send(events.leg('A', 'disconnected'), events.summary({ talkedAt: Date.now() }));
  await call.send(recording('R', 'completed', { legId: 'A', seq: 2, completionCode: 1000, recipient: 'cloud' }));
  await call.send(recording('R', 'stored', { seq: 0 }));
}

/** Of which the first attempt to fetch the recording, in the workflow's own task, is all that is needed. */
export const FETCHED_AT_ONCE: ReadonlySet<string> = new Set(['recording-there-within-seconds']);

/** Calls whose histories are kept: what a running call may look like to a newer version of the workflow. */
export const HISTORY_SCENARIOS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  ...Object.fromEntries(SCRIPTED),
  'incoming-answered-with-recording': answeredWithRecording,
  'recording-there-within-seconds': answeredWithRecording,
  'recording-there-later': answeredWithRecording,
  async 'incoming-missed-by-a-group'({ events, call, anna, boris }) {
    await call.send(events.leg('Q', 'appeared', { location: 'queue' }));
    await call.send(
      events.leg('A', 'appeared', { to: agent(anna), takenFrom: 'Q' }),
      events.leg('B', 'appeared', { to: agent(boris), takenFrom: 'Q' }),
    );
    await call.send(
      events.leg('A', 'disconnected'),
      events.leg('B', 'disconnected'),
      events.leg('Q', 'disconnected', { location: 'queue' }),
    );
    await call.send(events.summary());
  },
  async 'consultative-transfer'(stage) {
    const { events, call, anna, boris } = stage;
    await call.send(ring(stage));
    await call.send(events.leg('A', 'connected'), events.leg('A', 'held'));
    await call.send(events.leg('B', 'appeared', { from: agent(anna), to: agent(boris), takenFrom: 'A' }));
    await call.send(events.leg('B', 'connected'));
    await call.send(events.leg('A', 'disconnected'));
    await call.send(events.leg('B', 'connected', { from: outside, takenFrom: 'A' }));
    await call.send(events.leg('B', 'disconnected'), events.summary({ talkedAt: Date.now(), to: agent(boris) }));
  },
  async 'blind-transfer-unanswered'(stage) {
    const { events, call, boris } = stage;
    await call.send(ring(stage));
    await call.send(events.leg('A', 'connected'));
    await call.send(events.leg('A', 'disconnected'));
    await call.send(events.leg('B', 'appeared', { from: outside, to: agent(boris), takenFrom: 'A', transfer: 'blind' }));
    await call.send(events.leg('B', 'disconnected'), events.summary({ talkedAt: Date.now() }));
  },
  async 'outgoing-from-the-softphone'({ events, call, anna }) {
    await call.send(events.leg('A', 'appeared', { from: agent(anna), to: outside }));
    await call.send(events.leg('A', 'connected'));
    await call.send(events.leg('A', 'disconnected'), events.summary({ direction: 'outgoing', talkedAt: Date.now() }));
  },
  async 'no-summary'(stage) {
    const { events, call } = stage;
    await call.send(ring(stage));
    await call.send(events.leg('A', 'disconnected'));
  },
  async 'no-end'(stage) {
    const { events, call } = stage;
    await call.send(ring(stage));
    await call.send(events.leg('A', 'connected'));
  },
  async 'agents-act-during-and-after-the-talk'(stage) {
    const { events, call } = stage;
    await call.send(ring(stage));
    await call.send(events.leg('A', 'connected'));
    await call.send(action(stage, 'create_customer', { conversationId: null }), action(stage, 'save_draft', { hasText: true }));
    await call.send(action(stage, 'create_ticket', { hasText: true }));
    await call.send(action(stage, 'hang_up'));
    await call.send(events.leg('A', 'disconnected'), events.summary({ talkedAt: Date.now() }));
    await call.send(action(stage, 'link_ticket', { ticketId: stage.ticketId }), action(stage, 'move_call'));
  },
};

/** How a callback's own workflow may go: the activities it is given, and what it is told. */
export interface CallbackStory {
  readonly placed: { readonly state: 'accepted' | 'unknown' } | { readonly state: 'refused'; readonly code: string };
  readonly told: readonly ((agentId: string, callId: string) => CallbackMessage)[];
}

const bound = (_agentId: string, callId: string): CallbackMessage => ({ type: 'bound', callId });
const cancel = (agentId: string): CallbackMessage => ({ type: 'cancel', actionId: 'cancel-1', agentId });
const result = (code: number) => (): CallbackMessage => ({ type: 'result', code });

export const CALLBACK_STORIES: Readonly<Record<string, CallbackStory>> = {
  'callback-bound': { placed: { state: 'accepted' }, told: [result(1000), bound] },
  'callback-bound-before-the-answer': { placed: { state: 'unknown' }, told: [bound, result(1000)] },
  'callback-refused': { placed: { state: 'refused', code: 'not_enough_money' }, told: [] },
  'callback-refused-later': { placed: { state: 'accepted' }, told: [result(2240)] },
  'callback-cancelled': { placed: { state: 'accepted' }, told: [cancel] },
  'callback-cancelled-and-bound': { placed: { state: 'accepted' }, told: [cancel, bound] },
  'callback-never-rings': { placed: { state: 'accepted' }, told: [] },
};
