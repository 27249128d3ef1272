export type TicketStatus = 'open' | 'pending' | 'closed';
export type TicketKind = 'incoming' | 'outgoing' | 'missed';
export type Channel = 'call' | 'email' | 'chat' | 'web' | 'messenger' | 'social';
export type Handset = 'red' | 'green';

/** S11/S13: red until a recorded talk appears on missed-call tickets, green on other call tickets, none on other channels. */
export function handsetOf(channel: Channel, kind: TicketKind | null): Handset | null {
  if (channel !== 'call') return null;
  return kind === 'missed' ? 'red' : 'green';
}

/** Standard subjects (S2a, S10, S11; hidden numbers: Fine points). `phone` is already written as people write it. */
export function standardSubject(kind: TicketKind, phone: string | null): string {
  const hidden = 'со скрытого номера';
  switch (kind) {
    case 'incoming':
      return phone ? `Входящий звонок с ${phone}` : `Входящий звонок ${hidden}`;
    case 'missed':
      return phone ? `Пропущенный звонок с ${phone}` : `Пропущенный звонок ${hidden}`;
    case 'outgoing':
      return phone ? `Исходящий звонок на ${phone}` : 'Исходящий звонок';
  }
}

/** What leaving or entering «закрытое» means for the record: closed, reopened, or a plain change. */
export function statusEventType(from: TicketStatus, to: TicketStatus): 'closed' | 'reopened' | 'status' {
  if (to === 'closed') return 'closed';
  return from === 'closed' ? 'reopened' : 'status';
}

/** A moment as the PBX dated it (whole seconds) and as the service saw it. */
export interface Moment {
  readonly at: number;
  readonly seenAt: number;
  /** From the PBX's statistics, long after: only `at` means anything. */
  readonly reconciled?: boolean;
}

/** Clocks further apart than this from the time of receipt are not believed for order between calls. */
const BELIEVED_SKEW_MS = 30 * 60_000;
/** Below this the PBX's whole seconds cannot tell which came first. */
const SECOND_RESOLUTION_MS = 2_000;

const believable = (moment: Moment): boolean =>
  moment.reconciled === true || Math.abs(moment.at - moment.seenAt) <= BELIEVED_SKEW_MS;

/**
 * S12: did `talk` take place after `missed`? By the PBX's clock where it can be believed and tells them apart,
 * by the order of arrival otherwise.
 */
export function isAfter(talk: Moment, missed: Moment): boolean {
  const difference = talk.at - missed.at;
  const clocksTell = believable(talk) && believable(missed) && Math.abs(difference) >= SECOND_RESOLUTION_MS;
  return clocksTell ? difference > 0 : talk.seenAt > missed.seenAt;
}
