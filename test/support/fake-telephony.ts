import { Readable } from 'node:stream';
import type {
  Answer,
  CallbackOrder,
  CommandOutcome,
  HangUpOrder,
  PastCall,
  PbxOperator,
  RecordingAudio,
  Refusal,
  TelephonyPort,
} from '../../activities/telephony/port.ts';

export type FakeMethod = 'listOperators' | 'callback' | 'hangUp' | 'openRecording' | 'fetchCalls' | 'checkConnection';

/** A recording the fake PBX holds, or what it says instead of handing it out. */
export type FakeRecording = Uint8Array | (() => Readable) | Refusal;

export interface FakeTelephony extends TelephonyPort {
  /** Everything sent, in order: what a real PBX would have seen. */
  readonly sent: { readonly method: FakeMethod; readonly order: unknown }[];
  /** Callbacks only. */
  readonly callbacks: CallbackOrder[];
  operators: PbxOperator[];
  recordings: Map<string, FakeRecording>;
  calls: PastCall[];
  /** The next request of that kind gets this instead of success. Several wait in line. */
  refuseNext(method: FakeMethod, refusal: Refusal): void;
  /** From now on every request of that kind waits for `release`. */
  hold(method: FakeMethod): { release(): void };
}

/** A PBX in memory that keeps the port's promises; the same contract suite runs against it and against the real adapter. */
export function createFakeTelephony(seed: { readonly operators?: readonly PbxOperator[] } = {}): FakeTelephony {
  const waiting = new Map<FakeMethod, Refusal[]>();
  const held = new Map<FakeMethod, Promise<void>>();
  const outcomes = new Map<string, CommandOutcome>();

  /** Counts as sent, waits if held, and says whether a refusal was ordered. */
  async function receive(method: FakeMethod, order: unknown): Promise<Refusal | null> {
    fake.sent.push({ method, order });
    await held.get(method);
    return waiting.get(method)?.shift() ?? null;
  }

  const fake: FakeTelephony = {
    sent: [],
    callbacks: [],
    operators: [...(seed.operators ?? [])],
    recordings: new Map(),
    calls: [],

    refuseNext(method, refusal) {
      waiting.set(method, [...(waiting.get(method) ?? []), refusal]);
    },

    hold(method) {
      let release = (): void => undefined;
      held.set(method, new Promise((resolve) => (release = resolve)));
      return {
        release() {
          held.delete(method);
          release();
        },
      };
    },

    async listOperators(): Promise<Answer<readonly PbxOperator[]>> {
      return (await receive('listOperators', {})) ?? { outcome: 'accepted', value: [...fake.operators] };
    },

    async callback(order: CallbackOrder): Promise<CommandOutcome> {
      if (order.extension.trim() === '') return { outcome: 'refused', code: null, word: 'bad_extension' };
      if (!/^\+?[0-9]{2,20}$/.test(order.toNumber)) return { outcome: 'refused', code: null, word: 'bad_number' };
      const earlier = outcomes.get(order.commandId);
      if (earlier) return earlier;
      outcomes.set(order.commandId, { outcome: 'unknown', word: 'answer_lost' });
      fake.callbacks.push(order);
      const outcome = (await receive('callback', order)) ?? ({ outcome: 'accepted', code: 1000 } as const);
      if (outcome.outcome === 'busy_try_later' || outcome.outcome === 'locked_out') outcomes.delete(order.commandId);
      else outcomes.set(order.commandId, outcome);
      return outcome;
    },

    async hangUp(order: HangUpOrder): Promise<CommandOutcome> {
      return (await receive('hangUp', order)) ?? { outcome: 'accepted', code: 1000 };
    },

    async openRecording(recordingId: string): Promise<Answer<RecordingAudio>> {
      const refusal = await receive('openRecording', { recordingId });
      if (refusal) return refusal;
      const found = fake.recordings.get(recordingId);
      if (!found) return { outcome: 'refused', code: 3320, word: 'recording_not_found' };
      if (found instanceof Uint8Array) {
        return {
          outcome: 'accepted',
          value: { stream: Readable.from([Buffer.from(found)]), contentType: 'audio/mpeg', bytes: found.byteLength },
        };
      }
      if (typeof found === 'function')
        return { outcome: 'accepted', value: { stream: found(), contentType: 'audio/mpeg', bytes: null } };
      return found;
    },

    async fetchCalls(from: Date, to: Date): Promise<Answer<readonly PastCall[]>> {
      const refusal = await receive('fetchCalls', { from, to });
      const within = fake.calls.filter((call) => call.startedAt >= from && call.startedAt < to);
      return refusal ?? { outcome: 'accepted', value: within };
    },

    async checkConnection() {
      return (await receive('checkConnection', {})) ?? { outcome: 'accepted', value: { operators: fake.operators.length } };
    },
  };
  return fake;
}
