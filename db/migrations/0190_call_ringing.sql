-- Shows what rings before the call's workflow does, and only where nothing more is known: the call is not over, was not ordered by us, has
-- no ticket, and just so many rows of the inbox told of it. `more` otherwise, and nothing is done.
create function call_show_ringing(of_call uuid, known jsonb, told_by integer) returns jsonb language plpgsql as $$
declare
  call calls;
begin
  select * into call from calls where id = of_call and state <> 'over' and command_id is null for update;
  if not found or told_by <> (select count(*) from inbox
      where entry = call.entry_id and integration_id = call.integration_id and delivered_at is not null) then
    return '{"more": true}';
  end if;
  return call_project(of_call, known, true);
end $$;

-- Whoever listens to the inbox is told as well what cannot wait for its turn: a phone that rings, and what an agent asks for.
create or replace function inbox_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify(
    case when source in ('agent', 'system') then 'inbox_asked' when body ->> 'call_state' = 'Appeared' then 'inbox_ringing' else 'inbox' end,
    coalesce(integration_id::text, '') || '/' || entry)
  from fresh where entry is not null and delivered_at is null;
  return null;
end $$;
