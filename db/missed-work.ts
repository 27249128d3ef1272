import type { Executor } from './pool.ts';

export interface AttemptJson {
  readonly agent: { readonly id: string; readonly fullName: string } | null;
  readonly outcome: 'unanswered' | 'talked' | 'in_progress';
  readonly direction: 'incoming' | 'outgoing';
  readonly at: string;
}

export interface MissedWorkRow {
  readonly ticket_id: string;
  readonly waiting_since: Date | null;
  /** Of the last missed call, if the customer can be called there: not one that was taken from them since. */
  readonly last_phone: string | null;
  /** How often somebody tried to reach the customer since. */
  readonly tries: number;
  /** The last attempts and talks since, the latest first. */
  readonly attempts: readonly AttemptJson[];
  readonly calling: { readonly id: string; readonly fullName: string } | null;
}

const SHOWN_ATTEMPTS = 5;

/** Attempts stand in the ticket; talks since may stand in any ticket of this customer, or of the number if it is nobody's. */
const WORK_SQL = `
  select t.id as ticket_id, t.waiting_since, coalesce(a.tries, 0)::int as tries, coalesce(a.attempts, '[]') as attempts,
    (select case when c.phone in (select phone from customer_phones where customer_id = t.customer_id) then c.phone end
      from conversations c where c.ticket_id = t.id and c.outcome = 'missed' order by c.started_at desc limit 1) as last_phone,
    (select jsonb_build_object('id', g.id, 'fullName', g.full_name) from calls c join agents g on g.id = c.ordered_by
      where c.ticket_id = t.id and c.state <> 'over' and c.merged_into is null and coalesce(c.command_state, '') not in ('refused', 'cancelled')
      order by c.started_at desc limit 1) as calling
  from tickets t
  left join lateral (
    select count(*) filter (where s.outcome = 'unanswered') as tries,
      jsonb_agg(jsonb_build_object('outcome', s.outcome, 'direction', s.direction, 'at', s.at,
        'agent', (select jsonb_build_object('id', id, 'fullName', full_name) from agents where id = s.agent_id))
        order by s.at desc) filter (where s.place <= ${SHOWN_ATTEMPTS}) as attempts
    from (
      select f.*, row_number() over (order by f.at desc) as place from (
        select id, outcome, direction, agent_id, coalesce(answered_at, started_at) as at from conversations
          where ticket_id = t.id and outcome in ('unanswered', 'talked', 'in_progress')
        union
        select id, outcome, direction, agent_id, coalesce(answered_at, started_at) from conversations
          where customer_id = t.customer_id and answered_at is not null and outcome in ('talked', 'in_progress')
        union
        select id, outcome, direction, agent_id, coalesce(answered_at, started_at) from conversations
          where t.customer_id is null and phone = t.phone and answered_at is not null and outcome in ('talked', 'in_progress')
      ) f where f.at > coalesce(t.waiting_since, t.last_missed_at, t.created_at)
    ) s
  ) a on true
  where t.id = any(?::bigint[])`;

/** What has been done about these missed-call tickets since their customers wait, by ticket. */
export async function missedWork(db: Executor, ticketIds: readonly string[]): Promise<ReadonlyMap<string, MissedWorkRow>> {
  if (ticketIds.length === 0) return new Map();
  const { rows } = await db.raw<{ rows: MissedWorkRow[] }>(WORK_SQL, [[...ticketIds]]);
  return new Map(rows.map((row) => [row.ticket_id, row]));
}
