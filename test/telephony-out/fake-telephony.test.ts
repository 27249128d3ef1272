import { createFakeTelephony } from '../support/fake-telephony.ts';
import { describePort } from './port-contract.ts';

describePort('The PBX in memory', async () => {
  const port = createFakeTelephony();
  const overLegs = new Set<string>();
  return {
    port: {
      ...port,
      hangUp: (order) => {
        if (overLegs.has(order.legId)) port.refuseNext('hangUp', { outcome: 'refused', code: 4101, word: 'call_over' });
        return port.hangUp(order);
      },
    },
    setOperators: (operators) => void (port.operators = [...operators]),
    setRecording: (id, audio) => void port.recordings.set(id, audio),
    setCall: ({ entryId, startedAt, extension, caller, recordingId }) => {
      const after = (seconds: number): Date => new Date(startedAt.getTime() + seconds * 1000);
      port.calls.push({
        entryId,
        direction: 'incoming',
        outsideNumber: caller,
        line: null,
        isCallback: false,
        startedAt,
        endedAt: after(60),
        legs: [
          {
            legId: null,
            kind: 'operator',
            extension,
            number: null,
            startedAt,
            answeredAt: after(5),
            endedAt: after(60),
            reason: 1110,
            recordingIds: [recordingId],
          },
        ],
      });
    },
    nextCallback: (what) => {
      if (what === 'busy') port.refuseNext('callback', { outcome: 'busy_try_later', retryAfterMs: 1000 });
      else if (what === 'answer lost') port.refuseNext('callback', { outcome: 'unknown', word: 'answer_lost' });
      else port.refuseNext('callback', { outcome: 'refused', code: what.code, word: 'not_enough_money' });
    },
    endLeg: (legId) => void overLegs.add(legId),
    callbacksSeen: () => port.callbacks.map((order) => order.commandId),
    close: async () => undefined,
  };
});
