import type { PastCall } from '../../../domain/past-calls.ts';
import type { KnownEntry, KnownLeg, MissingEvent } from '../../../domain/reconcile.ts';
import type { ToldSide } from '../../../domain/told-events.ts';
import type { CarrierEvent, CarrierLeg, CarrierSide } from './carrier-events.ts';

/** An event as the PBX would have sent it: what the inbox keeps and the dispatcher reads. */
export interface SentEvent {
  /** Tells it from the others of its entry, the same each time. */
  readonly what: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const DIRECTIONS = { internal: 0, incoming: 1, outgoing: 2 } as const;
const STATES = { appeared: 'Appeared', connected: 'Connected', disconnected: 'Disconnected' } as const;

const seconds = (time: Date): number => Math.floor(time.getTime() / 1000);

function side(told: ToldSide, line: string | null): Record<string, unknown> {
  return {
    ...(told.extension === undefined ? {} : { extension: told.extension }),
    ...(told.number === undefined ? {} : { number: told.number }),
    ...(told.takenFrom === undefined ? {} : { taken_from_call_id: told.takenFrom }),
    ...(line === null ? {} : { line_number: line }),
  };
}

/** What was lost, in the PBX's own words (mango-api §2.3–2.6). `commandId` is of our callback that the call turned out to be. */
export function sentEvents(call: PastCall, missing: MissingEvent, commandId: string | null): readonly SentEvent[] {
  const entry = { entry_id: call.entryId };
  switch (missing.type) {
    case 'leg':
      return [
        {
          what: `${missing.legId}:${missing.state}:${seconds(missing.at)}`,
          path: '/events/call',
          body: {
            ...entry,
            call_id: missing.legId,
            seq: missing.seq,
            call_state: STATES[missing.state],
            timestamp: seconds(missing.at),
            location: 'abonent',
            from: side(missing.from, null),
            to: side(missing.to, call.direction === 'incoming' ? call.line : null),
            ...(missing.transfer === null ? {} : { transfer: missing.transfer }),
            ...(missing.reason === null ? {} : { disconnect_reason: missing.reason }),
            ...(commandId !== null ? { command_id: commandId } : missing.isCallback ? { callback_initiator: 'API' } : {}),
          },
        },
      ];
    case 'summary':
      return [
        {
          what: 'summary',
          path: '/events/summary',
          body: {
            ...entry,
            call_direction: DIRECTIONS[missing.direction],
            from: side(missing.from, null),
            to: side(missing.to, null),
            ...(call.line === null ? {} : { line_number: call.line }),
            create_time: seconds(missing.startedAt),
            talk_time: missing.talkedAt === null ? 0 : seconds(missing.talkedAt),
            end_time: seconds(missing.endedAt),
            entry_result: missing.talkedAt === null ? 0 : 1,
            ...(missing.reason === null ? {} : { disconnect_reason: missing.reason }),
          },
        },
      ];
    case 'recording': {
      const recording = { ...entry, recording_id: missing.recordingId };
      return [
        {
          what: `recording:${missing.recordingId}`,
          path: '/events/recording',
          body: {
            ...recording,
            recording_state: 'Completed',
            seq: 1_000_000,
            call_id: missing.legId,
            ...(missing.extension === null ? {} : { extension: missing.extension }),
            timestamp: seconds(missing.at),
            completion_code: 1000,
            recipient: 'Cloud',
          },
        },
        { what: `stored:${missing.recordingId}`, path: '/events/record/added', body: recording },
      ];
    }
  }
}

/** What the events of one entry have said so far. */
export function knownEntryOf(events: readonly CarrierEvent[], isOver: boolean): KnownEntry {
  const legs = new Map<string, CarrierLeg[]>();
  for (const event of events) {
    if (event.type === 'leg' && event.state !== null) legs.set(event.legId, [...(legs.get(event.legId) ?? []), event]);
  }
  return {
    closed: isOver || events.some((event) => event.type === 'summary'),
    legs: [...legs].map(([legId, ofLeg]) => knownLegOf(legId, ofLeg)),
    recordingIds: events.flatMap((event) =>
      event.type === 'recording' && (event.state === 'completed' || event.state === 'stored') ? [event.recordingId] : [],
    ),
  };
}

function knownLegOf(legId: string, events: readonly CarrierLeg[]): KnownLeg {
  const inOrder = events.toSorted((a, b) => a.seq - b.seq);
  const extensionOf = ({ extension }: CarrierSide): string[] => (extension === null ? [] : [extension]);
  return {
    legId,
    extensions: [...new Set(inOrder.flatMap((event) => [...extensionOf(event.from), ...extensionOf(event.to)]))],
    startedAt: new Date(inOrder[0]?.at ?? 0),
    continues: inOrder.some((event) => event.from.takenFrom !== null),
    events: inOrder.flatMap(({ seq, state, at }) =>
      state === null ? [] : [{ seq, state: state === 'held' ? ('connected' as const) : state, at: new Date(at ?? 0) }],
    ),
  };
}
