-- Whoever listens to the inbox is told which entry has something new, and need not look for it.
create or replace function inbox_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('inbox', coalesce(integration_id::text, '') || '/' || entry)
  from fresh where entry is not null and delivered_at is null;
  return null;
end $$;
drop trigger inbox_notify on inbox;
create trigger inbox_notify after insert on inbox referencing new table as fresh for each statement execute function inbox_notify();

create function inbox_lock_key(of_integration uuid, of_entry text) returns bigint language sql immutable as $$
  select hashtextextended(coalesce(of_integration::text, '') || '/' || of_entry, 7282004)
$$;

-- All that a delivery needs to know, in one journey: takes the entry's session lock (unless it is held), the oldest undelivered rows,
-- and what is known of their call. Null: somebody else holds the entry.
-- The lock is held by the session and not by a transaction: none stays open while Temporal is spoken to, as the event stream waits for
-- those. A row that somebody else holds ends the batch: nothing overtakes it. Each statement in here sees what was committed before it.
create function inbox_claim(of_integration uuid, of_entry text, most integer, holds boolean) returns jsonb language plpgsql as $$
declare
  claimed jsonb;
  held_from bigint;
begin
  if not holds and not pg_try_advisory_lock(inbox_lock_key(of_integration, of_entry)) then
    return null;
  end if;
  -- The locks on the rows need not survive a crash.
  perform set_config('synchronous_commit', 'off', true);
  select coalesce(jsonb_agg(to_jsonb(mine) order by mine.number), '[]') into claimed from (
    select id as number, id::text as id, source, integration_id, key, entry, path, body, received_at, attempts from inbox
    where entry = of_entry and integration_id is not distinct from of_integration and delivered_at is null
    order by inbox.id limit most for update skip locked) mine;
  select min(id) into held_from from inbox
  where entry = of_entry and integration_id is not distinct from of_integration and delivered_at is null
    and id not in (select (row ->> 'number')::bigint from jsonb_array_elements(claimed) row);
  if held_from is not null then
    select coalesce(jsonb_agg(row order by (row ->> 'number')::bigint), '[]') into claimed
    from jsonb_array_elements(claimed) row where (row ->> 'number')::bigint < held_from;
  end if;
  return jsonb_build_object(
    'rows', claimed,
    'call', (select jsonb_build_object('id', id, 'integrationId', integration_id, 'entryId', entry_id, 'commandId', command_id,
        'commandState', command_state, 'orderedBy', ordered_by, 'ticketId', ticket_id::text, 'phone', phone, 'line', line,
        'mergedInto', merged_into, 'over', state = 'over')
      from calls where integration_id = of_integration and entry_id = of_entry),
    'numbers', (select coalesce(jsonb_agg(jsonb_build_array(n.number, n.ref)), '[]')
      from calls c join call_numbers n on n.call_id = c.id where c.integration_id = of_integration and c.entry_id = of_entry),
    -- A mapping that changes changes this, in whatever order transactions commit.
    'operators', (select count(*) || ':' || coalesce(sum(extract(epoch from updated_at)), 0) from operators
      where integration_id = of_integration),
    'country', (select value from settings where key = 'phoneCountry'));
end $$;
