import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PbxOperator, TelephonyPort } from '../../activities/telephony/port.ts';

/** How the suite works a PBX from the other side. */
export interface PortUnderTest {
  readonly port: TelephonyPort;
  setOperators(operators: readonly PbxOperator[]): void;
  setRecording(recordingId: string, audio: Uint8Array): void;
  /** One call that began at `startedAt`, answered by the operator after 5 s and over after 60 s. */
  setCall(call: { entryId: string; startedAt: Date; extension: string; caller: string; recordingId: string }): void;
  /** What the next callback meets: a code, no answer at all, or a full quota for as long as we wait. */
  nextCallback(what: { code: number } | 'answer lost' | 'busy'): void;
  /** The leg is over. */
  endLeg(legId: string): void;
  /** Command ids of the callbacks that reached the PBX. */
  callbacksSeen(): readonly string[];
  close(): Promise<void>;
}

const ANNA: PbxOperator = {
  extension: '0511',
  fullName: 'Анна Петрова',
  email: 'anna@example.com',
  devices: [{ number: 'sip:anna@vpbx400000000.mangosip.ru', protocol: 'sip', on: true }],
};

/** What whoever calls the port may rely on, run against the fake and against the real adapter. */
export function describePort(name: string, open: () => Promise<PortUnderTest>): void {
  describe(`${name} keeps the port's promises`, () => {
    let pbx: PortUnderTest;
    beforeEach(async () => {
      pbx = await open();
    });
    afterEach(() => pbx.close());

    const order = (more: object = {}) => ({ commandId: randomUUID(), extension: '0511', toNumber: '+79123456789', ...more });

    it('lists operators, extensions with their leading zeros', async () => {
      pbx.setOperators([ANNA]);
      expect(await pbx.port.listOperators()).toEqual({ outcome: 'accepted', value: [ANNA] });
    });

    it('says how many operators a working connection shows', async () => {
      pbx.setOperators([ANNA]);
      expect(await pbx.port.checkConnection()).toEqual({ outcome: 'accepted', value: { operators: 1 } });
    });

    it('accepts a callback', async () => {
      const callback = order();
      expect(await pbx.port.callback(callback)).toEqual({ outcome: 'accepted', code: 1000 });
      expect(pbx.callbacksSeen()).toEqual([callback.commandId]);
    });

    it('sends a callback once, however often it is asked, and repeats the first outcome', async () => {
      const callback = order();
      pbx.nextCallback({ code: 2240 });
      const refused = { outcome: 'refused', code: 2240, word: 'not_enough_money' };
      expect(await pbx.port.callback(callback)).toEqual(refused);
      expect(await pbx.port.callback(callback)).toEqual(refused);
      expect(pbx.callbacksSeen()).toEqual([callback.commandId]);
    });

    it('never sends a callback again whose answer was lost', async () => {
      const callback = order();
      pbx.nextCallback('answer lost');
      expect((await pbx.port.callback(callback)).outcome).toBe('unknown');
      expect((await pbx.port.callback(callback)).outcome).toBe('unknown');
      expect(pbx.callbacksSeen()).toEqual([callback.commandId]);
    });

    it('may send a callback again that met a full quota', async () => {
      const callback = order({ patienceMs: 0 });
      pbx.nextCallback('busy');
      expect((await pbx.port.callback(callback)).outcome).toBe('busy_try_later');
      expect(await pbx.port.callback({ ...callback, patienceMs: 5_000 })).toEqual({ outcome: 'accepted', code: 1000 });
    });

    it.each([
      ['an empty extension', { extension: '' }, 'bad_extension'],
      ['a number with letters', { toNumber: '+7912CALLME' }, 'bad_number'],
      ['a hidden number', { toNumber: '' }, 'bad_number'],
    ])('refuses %s without sending it', async (_what, wrong, word) => {
      expect(await pbx.port.callback(order(wrong))).toEqual({ outcome: 'refused', code: null, word });
      expect(pbx.callbacksSeen()).toEqual([]);
    });

    it('ends a leg, and says so when it was over', async () => {
      expect(await pbx.port.hangUp({ commandId: 'h1', legId: 'leg-1' })).toEqual({ outcome: 'accepted', code: 1000 });
      pbx.endLeg('leg-1');
      expect(await pbx.port.hangUp({ commandId: 'h2', legId: 'leg-1' })).toEqual({
        outcome: 'refused',
        code: 4101,
        word: 'call_over',
      });
    });

    it('hands out a recording, as often as it is asked', async () => {
      const audio = Buffer.from('not really audio, but these bytes exactly');
      pbx.setRecording('rec=1', audio);
      for (let i = 0; i < 2; i += 1) {
        const answer = await pbx.port.openRecording('rec=1');
        if (answer.outcome !== 'accepted') throw new Error(`got ${answer.outcome}`);
        expect(await buffer(answer.value.stream)).toEqual(audio);
      }
    });

    it('says that a recording is not there', async () => {
      expect(await pbx.port.openRecording('rec=none')).toEqual({ outcome: 'refused', code: 3320, word: 'recording_not_found' });
    });

    it('tells the calls that began within a period, its end excluded', async () => {
      const startedAt = new Date('2026-03-01T10:00:00Z');
      pbx.setOperators([ANNA]);
      pbx.setCall({ entryId: 'entry=', startedAt, extension: '0511', caller: '79123456789', recordingId: 'rec=9' });
      const answer = await pbx.port.fetchCalls(startedAt, new Date(startedAt.getTime() + 1000));
      if (answer.outcome !== 'accepted') throw new Error(`got ${answer.outcome}`);
      expect(answer.value).toHaveLength(1);
      expect(answer.value[0]).toMatchObject({
        entryId: 'entry=',
        direction: 'incoming',
        outsideNumber: '79123456789',
        startedAt,
        legs: [
          { kind: 'operator', extension: '0511', answeredAt: new Date(startedAt.getTime() + 5_000), recordingIds: ['rec=9'] },
        ],
      });
      const before = await pbx.port.fetchCalls(new Date(startedAt.getTime() - 60_000), startedAt);
      expect(before).toEqual({ outcome: 'accepted', value: [] });
    });
  });
}
