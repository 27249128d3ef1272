import { describe, expect, it } from 'vitest';
import type { PastCall, PastLeg } from '../../domain/past-calls.ts';
import { missingEvents, type KnownEntry, type KnownLeg, type MissingEvent } from '../../domain/reconcile.ts';
import { toldEvents } from '../../domain/told-events.ts';

const T0 = Date.parse('2026-03-01T10:00:00Z');
const at = (seconds: number): Date => new Date(T0 + seconds * 1000);

const leg = (from: number, answered: number | null, to: number, more: Partial<PastLeg> = {}): PastLeg => ({
  legId: `leg-${from}`,
  kind: 'operator',
  extension: '101',
  number: null,
  startedAt: at(from),
  answeredAt: answered === null ? null : at(answered),
  endedAt: at(to),
  reason: 1110,
  recordingIds: [],
  ...more,
});
const call = (legs: readonly PastLeg[], more: Partial<PastCall> = {}): PastCall => ({
  entryId: 'E',
  direction: 'incoming',
  outsideNumber: '79161234567',
  line: '74950000000',
  isCallback: false,
  startedAt: at(0),
  endedAt: at(60),
  legs,
  ...more,
});

/** `leg/state@second from>to` for each leg event, and the kinds of the rest. */
const told = (past: PastCall): string[] => short(toldEvents(past));
const short = (events: readonly (MissingEvent | ReturnType<typeof toldEvents>[number])[]): string[] =>
  events.map((event) => {
    if (event.type === 'recording') return `recording ${event.recordingId} on ${event.legId}`;
    if (event.type === 'summary') return `summary ${event.talkedAt ? 'talked' : 'missed'}`;
    const name = (side: { extension?: string; number?: string }): string =>
      side.extension ?? (side.number ? 'customer' : 'hidden');
    const second = (event.at.getTime() - T0) / 1000;
    return `${event.legId} ${event.state}@${second} ${name(event.from)}>${name(event.to)}${event.transfer ? ` ${event.transfer}` : ''}`;
  });

describe('What the PBX would have sent', () => {
  it('about an answered call', () => {
    expect(told(call([leg(0, 5, 60, { recordingIds: ['R'] })]))).toEqual([
      'leg-0 appeared@0 customer>101',
      'leg-0 connected@5 customer>101',
      'leg-0 disconnected@60 customer>101',
      'recording R on leg-0',
      'summary talked',
    ]);
  });

  it('about a missed call of a hidden number, rung at two', () => {
    expect(told(call([leg(0, null, 20), leg(20, null, 40, { extension: '102' })], { outsideNumber: null }))).toEqual([
      'leg-0 appeared@0 hidden>101',
      'leg-0 disconnected@20 hidden>101',
      'leg-20 appeared@20 hidden>102',
      'leg-20 disconnected@40 hidden>102',
      'summary missed',
    ]);
  });

  it('about a call passed on blindly', () => {
    expect(told(call([leg(0, 5, 20), leg(21, 25, 60, { extension: '102' })]))).toContain('leg-21 appeared@21 customer>102 blind');
  });

  it('about a call passed on after a consultation', () => {
    expect(told(call([leg(0, 5, 30), leg(20, 25, 60, { extension: '102' })])).slice(2, 6)).toEqual([
      'leg-20 appeared@20 101>102 consultative',
      'leg-20 connected@25 101>102 consultative',
      'leg-0 disconnected@30 customer>101',
      'leg-20 connected@30 customer>102 blind',
    ]);
  });

  it('about a call passed on while it still rang', () => {
    expect(told(call([leg(0, 5, 30), leg(20, 35, 60, { extension: '102' })]))).toEqual([
      'leg-0 appeared@0 customer>101',
      'leg-0 connected@5 customer>101',
      'leg-20 appeared@20 101>102 consultative',
      'leg-0 disconnected@30 customer>101',
      'leg-20 appeared@30 customer>102 blind',
      'leg-20 connected@35 customer>102 blind',
      'leg-20 disconnected@60 customer>102 blind',
      'summary talked',
    ]);
  });

  it('about a consultation after which the customer came back', () => {
    expect(told(call([leg(0, 5, 60), leg(20, 25, 40, { extension: '102' })])).filter((line) => line.includes('102'))).toEqual([
      'leg-20 appeared@20 101>102 consultative',
      'leg-20 connected@25 101>102 consultative',
      'leg-20 disconnected@40 101>102 consultative',
    ]);
  });

  it('about a callback: the operator is rung first, in the customer’s name', () => {
    const past = call([leg(0, 4, 5), leg(6, 10, 60)], { direction: 'outgoing', line: null });
    expect(told(past)).toEqual([
      'leg-0 appeared@0 customer>101',
      'leg-0 connected@4 customer>101',
      'leg-0 disconnected@5 customer>101',
      'leg-6 appeared@6 101>customer',
      'leg-6 connected@10 101>customer',
      'leg-6 disconnected@60 101>customer',
      'summary talked',
    ]);
    expect(told({ ...past, legs: [leg(0, 4, 5), leg(6, null, 20)] }).at(-1)).toBe('summary missed');
  });

  it('about a leg whose id and end are not told: the same each time', () => {
    const past = call([leg(0, 5, 60, { legId: null, endedAt: null })]);
    expect(told(past)).toEqual(told(past));
    expect(told(past)[2]).toMatch(/^told:101:\d+ disconnected@60/);
  });

  it.each([
    ['a call among colleagues', { direction: 'internal' as const }],
    ['a call that is not over', { endedAt: null }],
  ])('about %s nothing', (_what, more) => {
    expect(told(call([leg(0, 5, 60)], more))).toEqual([]);
  });
});

describe('What is missing', () => {
  const knownLeg = (
    events: readonly [number, 'appeared' | 'connected' | 'disconnected', number][],
    more: Partial<KnownLeg> = {},
  ): KnownLeg => ({
    legId: 'leg-0',
    extensions: ['101'],
    startedAt: at(0),
    continues: false,
    events: events.map(([seq, state, second]) => ({ seq, state, at: at(second) })),
    ...more,
  });
  const known = (legs: readonly KnownLeg[], more: Partial<KnownEntry> = {}): KnownEntry => ({
    closed: false,
    legs,
    recordingIds: [],
    ...more,
  });
  const past = call([leg(0, 5, 60, { recordingIds: ['R'] })]);
  const missing = (entry: KnownEntry | null, of = past): string[] => short(missingEvents(of, entry));
  const seqs = (entry: KnownEntry): number[] =>
    missingEvents(past, entry).flatMap((event) => (event.type === 'leg' ? [event.seq] : []));

  it('is everything when nothing is known', () => {
    expect(missing(null)).toHaveLength(5);
  });

  it('is only the end when the beginning is known, and stands behind whatever may still come', () => {
    const entry = known([
      knownLeg([
        [1, 'appeared', 0],
        [2, 'connected', 5],
      ]),
    ]);
    expect(missing(entry)).toEqual(['leg-0 disconnected@60 customer>101', 'recording R on leg-0', 'summary talked']);
    expect(seqs(entry)[0]).toBeGreaterThan(1_000_000);
  });

  it('fills a gap in the count where an event was lost', () => {
    const entry = known([
      knownLeg([
        [1, 'appeared', 0],
        [3, 'disconnected', 60],
      ]),
    ]);
    expect(missing(entry)[0]).toBe('leg-0 connected@5 customer>101');
    expect(seqs(entry)).toEqual([2]);
    expect(
      seqs(
        known([
          knownLeg([
            [2, 'connected', 5],
            [3, 'disconnected', 60],
          ]),
        ]),
      ),
    ).toEqual([1]);
  });

  it('is not what the PBX cannot have sent: where there is no gap nothing is put', () => {
    expect(
      seqs(
        known([
          knownLeg([
            [1, 'appeared', 0],
            [2, 'disconnected', 60],
          ]),
        ]),
      ),
    ).toEqual([]);
  });

  it('is not confused by holds', () => {
    const entry = known([
      knownLeg([
        [1, 'appeared', 0],
        [2, 'connected', 5],
        [3, 'connected', 20],
        [4, 'connected', 30],
      ]),
    ]);
    expect(missing(entry)[0]).toBe('leg-0 disconnected@60 customer>101');
    expect(seqs(entry)[0]).toBeGreaterThan(4);
  });

  it('belongs to the leg that is known by another id: the same operator, rung at the same time', () => {
    const entry = known([knownLeg([[1, 'appeared', 2]], { legId: 'real', startedAt: at(2) })]);
    const unnamed = call([leg(0, 5, 60, { legId: null, recordingIds: ['R'] })]);
    expect(missing(entry, unnamed)).toEqual([
      'real connected@5 customer>101',
      'real disconnected@60 customer>101',
      'recording R on real',
      'summary talked',
    ]);
    const later = known([knownLeg([[1, 'appeared', 30]], { legId: 'real', startedAt: at(30) })]);
    expect(missing(later, unnamed)[0]).toMatch(/^told:101/);
  });

  it('of a call that is over are recordings alone', () => {
    expect(missing(known([knownLeg([[1, 'appeared', 0]])], { closed: true }))).toEqual(['recording R on leg-0']);
    expect(missing(known([], { closed: true, recordingIds: ['R'] }))).toEqual([]);
  });
});
