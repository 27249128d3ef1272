import type { LegMessage, Party, RecordingMessage } from '../../domain/messages.ts';
import { agent, type CallRunner } from './call-runner.ts';
import type { LiveCall } from './live-call.ts';

interface Stage {
  readonly events: CallRunner;
  readonly call: LiveCall;
  readonly anna: string;
  readonly boris: string;
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

/** Calls whose histories are kept: what a running call may look like to a newer version of the workflow. */
export const HISTORY_SCENARIOS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async 'incoming-answered-with-recording'(stage) {
    const { events, call, anna } = stage;
    await call.send(ring(stage));
    await call.send(events.leg('A', 'connected'));
    await call.send(recording('R', 'started', { legId: 'A', party: agent(anna) }));
    await call.send(events.leg('A', 'disconnected'), events.summary({ talkedAt: Date.now() }));
    await call.send(recording('R', 'completed', { legId: 'A', seq: 2, completionCode: 1000, recipient: 'cloud' }));
    await call.send(recording('R', 'stored', { seq: 0 }));
  },
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
};
