-- Since when a missed-call ticket's customer waits: its first missed call after the last talk in it. Kept by the database, because
-- talks come and go by several ways (recorded, linked, moved), and each of them may end or renew the waiting.
alter table tickets add column waiting_since timestamptz;

create function ticket_refresh_waiting(ticket bigint) returns void language sql as $$
  update tickets t set waiting_since = w.since
  from (
    select min(m.started_at) as since from conversations m
    where m.ticket_id = ticket and m.outcome = 'missed' and m.started_at > coalesce(
      (select max(k.answered_at) from conversations k where k.ticket_id = ticket and k.outcome in ('in_progress', 'talked')),
      '-infinity')
  ) w
  where t.id = ticket and t.kind = 'missed' and t.waiting_since is distinct from w.since
$$;

create function conversations_refresh_waiting() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' and old.ticket_id is not null then perform ticket_refresh_waiting(old.ticket_id); end if;
  if tg_op <> 'DELETE' and new.ticket_id is not null and (tg_op = 'INSERT' or new.ticket_id is distinct from old.ticket_id) then
    perform ticket_refresh_waiting(new.ticket_id);
  end if;
  return null;
end $$;
create trigger conversations_waiting_come after insert or delete on conversations
  for each row execute function conversations_refresh_waiting();
create trigger conversations_waiting_change after update of ticket_id, outcome, started_at, answered_at on conversations
  for each row when (
    (old.ticket_id, old.outcome, old.started_at, old.answered_at) is distinct from
    (new.ticket_id, new.outcome, new.started_at, new.answered_at)
  ) execute function conversations_refresh_waiting();

select ticket_refresh_waiting(id) from tickets where kind = 'missed';

-- The worklist: who has waited longest comes first, however many missed calls there are.
create index tickets_missed_waiting on tickets (waiting_since, id) where kind = 'missed' and status <> 'closed';
-- Who is calling back right now.
create index calls_of_ticket on calls (ticket_id) where state <> 'over' and ticket_id is not null;
