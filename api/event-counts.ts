/** What became of the PBX's requests in this process, for whoever draws curves. */
export type EventVerdict = 'stored' | 'repeated' | 'differing' | 'refused' | 'not_stored';

export interface EventCounts {
  count(verdict: EventVerdict): void;
  readonly counts: Readonly<Record<EventVerdict, number>>;
}

export function createEventCounts(): EventCounts {
  const counts: Record<EventVerdict, number> = { stored: 0, repeated: 0, differing: 0, refused: 0, not_stored: 0 };
  return { counts, count: (verdict) => void (counts[verdict] += 1) };
}
