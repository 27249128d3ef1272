import type { MissedWorkRow } from '../../db/missed-work.ts';
import type { TicketListRow } from '../../db/ticket-list.ts';
import type { MissedCall } from '../contract/missed.ts';
import { presentTicketItem } from './tickets.ts';

/** Without `work`, nothing has been done yet. */
export const presentMissed = (row: TicketListRow, work: MissedWorkRow | undefined): MissedCall => ({
  ...presentTicketItem(row),
  phone: work?.last_phone ?? row.phone,
  waitingSince: work?.waiting_since?.toISOString() ?? null,
  tries: work?.tries ?? 0,
  attempts: (work?.attempts ?? []).map(({ at, ...attempt }) => ({ ...attempt, at: new Date(at).toISOString() })),
  calling: work?.calling ?? null,
});
