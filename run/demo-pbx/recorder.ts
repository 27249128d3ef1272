import type { Entry, Leg } from './entry.ts';
import type { CallFacts, RecordingFacts, RecordingPlan } from './facts.ts';
import type { RecordingShelf } from './recording-shelf.ts';
import type { RecordAddedEvent, RecordingEvent } from './wire.ts';

interface Running {
  readonly facts: RecordingFacts;
  readonly commandId: string | null;
  callId: string;
  seq: number;
  over: boolean;
}

const COMPLETION: Readonly<Record<RecordingPlan, Pick<RecordingEvent, 'completion_code' | 'recipient'>>> = {
  stored: { completion_code: 1000, recipient: 'Cloud' },
  unannounced: { completion_code: 1000, recipient: 'Cloud' },
  never_arrives: { completion_code: 1000, recipient: 'CloudAndMail' },
  mail: { completion_code: 1000, recipient: 'Mail' },
  too_short: { completion_code: 4002 },
  no_quota: { completion_code: 2253 },
  never_completed: {},
  none: {},
};

export interface RecorderOptions {
  readonly call: CallFacts;
  readonly plan: RecordingPlan | Readonly<Record<string, RecordingPlan>>;
  readonly shelf: RecordingShelf;
  readonly productId: number;
  readonly newId: () => string;
  readonly now: () => number;
  readonly post: (path: string, event: RecordingEvent | RecordAddedEvent) => Promise<void>;
}

/** Records each operator of a call apart, from their first talk to their last (mango-api §2.5). */
export interface Recorder {
  /** Somebody was connected on the leg: begins the recordings of its operators, or moves running ones on to it. */
  follow(leg: Leg): Promise<void>;
  /** By command, whatever the plan says. */
  begin(leg: Leg, extension: string, plan: RecordingPlan, commandId: string | null): Promise<void>;
  /** Completes the recordings of operators who stand on no open leg any more. */
  completeThoseWhoLeft(entry: Entry): Promise<void>;
  /** Tells that what was kept is in the cloud. */
  announce(): Promise<void>;
  isRunning(extension: string): boolean;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const recordings: Running[] = [];
  const runningOf = (extension: string): Running | undefined =>
    recordings.find((one) => one.facts.extension === extension && !one.over);
  const planFor = (extension: string): RecordingPlan =>
    typeof options.plan === 'string' ? options.plan : (options.plan[extension] ?? 'stored');

  async function begin(leg: Leg, extension: string, plan: RecordingPlan, commandId: string | null): Promise<void> {
    if (plan === 'none') return;
    const facts: RecordingFacts = {
      recordingId: options.newId(),
      entryId: options.call.entryId,
      callId: leg.id,
      extension,
      plan,
      startedAt: options.now(),
      endedAt: null,
      audioSeconds: null,
      sha256: null,
      bytes: null,
    };
    const running: Running = { facts, commandId, callId: leg.id, seq: 0, over: false };
    recordings.push(running);
    options.call.recordings.push(facts);
    await say(running, 'Started');
  }

  async function moveOn(running: Running, leg: Leg): Promise<void> {
    if (running.callId === leg.id) return;
    running.callId = leg.id;
    await say(running, 'Continued');
  }

  async function complete(running: Running): Promise<void> {
    running.over = true;
    const { facts } = running;
    if (facts.plan === 'never_completed') return;
    facts.endedAt = options.now();
    if (facts.plan !== 'too_short' && facts.plan !== 'no_quota') options.shelf.store(facts, facts.endedAt - facts.startedAt);
    await say(running, 'Completed', COMPLETION[facts.plan]);
  }

  function say(running: Running, state: RecordingEvent['recording_state'], extra: Partial<RecordingEvent> = {}): Promise<void> {
    running.seq += 1;
    return options.post('/events/recording', {
      recording_id: running.facts.recordingId,
      recording_state: state,
      seq: running.seq,
      entry_id: options.call.entryId,
      call_id: running.callId,
      extension: running.facts.extension,
      timestamp: options.now(),
      ...extra,
      ...(running.commandId ? { command_id: running.commandId } : {}),
    });
  }

  return {
    begin,
    isRunning: (extension) => runningOf(extension) !== undefined,
    async follow(leg) {
      for (const extension of operatorsOn(leg)) {
        const running = runningOf(extension);
        await (running ? moveOn(running, leg) : begin(leg, extension, planFor(extension), null));
      }
    },
    async completeThoseWhoLeft(entry) {
      const present = new Set(entry.openLegs.flatMap(operatorsOn));
      for (const running of recordings) {
        if (!running.over && !present.has(running.facts.extension)) await complete(running);
      }
    },
    async announce() {
      const kept = recordings.filter(({ facts }) => facts.plan === 'stored' || facts.plan === 'never_arrives');
      for (const { facts } of kept) {
        await options.post('/events/record/added', {
          entry_id: options.call.entryId,
          product_id: options.productId,
          user_id: -1,
          timestamp: options.now(),
          recording_id: facts.recordingId,
        });
      }
    },
  };
}

function operatorsOn(leg: Leg): string[] {
  return [leg.from, leg.to].flatMap((party) => (party.kind === 'operator' ? [party.extension] : []));
}
