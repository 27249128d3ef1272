-- Statistics: facts drawn from the append-only record and the messages, one row per thing that can be counted.
-- Everything here can be thrown away and computed again (db/statistics/facts.ts: rebuild, check); docs/statistics.md says why it exists.

-- The recordings of a talk, and only them, are looked up by conversation.
create index ticket_events_recording on ticket_events (conversation_id) where type = 'recording';

create table statistics_facts (
  ticket_id bigint not null,
  -- The line of the record it comes from; of an answer, the message.
  source_id bigint not null,
  at timestamptz not null,
  -- created | reopened | closed: whose the ticket was then. work | answer: who did it.
  agent_id uuid,
  incoming boolean not null,
  type text collate "C" not null check (type in ('created', 'reopened', 'work', 'answer', 'closed')),
  channel text collate "C" not null,
  -- reopened: when the ticket was created.
  created_at timestamptz,
  -- The fact of the same type before it in the same ticket, and the one of the same agent: a ticket counts once in a
  -- period, with its first fact there, which is the one whose predecessor lies before the period.
  previous_at timestamptz,
  previous_of_agent_at timestamptz,
  -- closed: likewise the closing after it; the last one in a period counts.
  next_at timestamptz,
  next_of_agent_at timestamptz,
  -- closed: since the creation, null if they coincide. answer: how long the customer waited for this written reply.
  speed_ms bigint,
  -- answer: since the creation, on the first written reply.
  first_reply_ms bigint,
  writing_ms bigint,
  -- closed: whether the ticket holds a recording of a talk; its answers up to then, its first, and the first one after.
  has_talk boolean,
  answers_until integer,
  first_answer_at timestamptz,
  next_answer_at timestamptz,
  primary key (type, ticket_id, source_id)
) partition by list (type);
create table statistics_facts_created partition of statistics_facts for values in ('created');
create table statistics_facts_reopened partition of statistics_facts for values in ('reopened');
create table statistics_facts_work partition of statistics_facts for values in ('work');
create table statistics_facts_answer partition of statistics_facts for values in ('answer');
create table statistics_facts_closed partition of statistics_facts for values in ('closed');
-- Facts are written as things happen, so that a period lies together: ranges of pages say where, and whole pages are read.
create index statistics_facts_at on statistics_facts using brin (at timestamptz_minmax_multi_ops) with (pages_per_range = 16, autosummarize = on);
create index statistics_facts_agent on statistics_facts (agent_id, at);
create index statistics_facts_ticket on statistics_facts (ticket_id);

-- Tickets whose facts are behind. No unique key on purpose: a row that another transaction adds for the same ticket is
-- seen only with that transaction's changes, so none is lost.
create table statistics_stale (
  id bigint generated always as identity primary key,
  ticket_id bigint not null
);

create function statistics_note_stale() returns trigger language plpgsql as $$
begin
  insert into statistics_stale (ticket_id) select distinct ticket_id from changed;
  return null;
end $$;
-- A recording may be noted in one ticket while its message stands in another.
create function statistics_note_event() returns trigger language plpgsql as $$
begin
  insert into statistics_stale (ticket_id)
  select ticket_id from changed union select m.ticket_id from changed c join messages m using (conversation_id) where c.type = 'recording';
  return null;
end $$;
create trigger ticket_events_stale after insert on ticket_events
  referencing new table as changed for each statement execute function statistics_note_event();
create trigger messages_stale after insert on messages
  referencing new table as changed for each statement execute function statistics_note_stale();
create trigger messages_stale_before after update on messages
  referencing old table as changed for each statement execute function statistics_note_stale();
create trigger messages_stale_after after update on messages
  referencing new table as changed for each statement execute function statistics_note_stale();
create trigger messages_stale_gone after delete on messages
  referencing old table as changed for each statement execute function statistics_note_stale();

-- A talk's end and its agent are read from the conversation.
create function statistics_note_talk() returns trigger language plpgsql as $$
begin
  insert into statistics_stale (ticket_id) select ticket_id from messages where conversation_id = new.id;
  return null;
end $$;
create trigger conversations_stale after update of ended_at, agent_id on conversations for each row
  when (old.ended_at is distinct from new.ended_at or old.agent_id is distinct from new.agent_id) execute function statistics_note_talk();

create function statistics_ms(from_at timestamptz, to_at timestamptz) returns bigint language sql immutable parallel safe as $$
  select greatest(0, floor(extract(epoch from to_at - from_at) * 1000))::bigint
$$;

-- The facts of some tickets, from the source.
create function statistics_compute(ids bigint[]) returns setof statistics_facts language sql stable as $$
  with record as materialized (
    select id, ticket_id, at, type, channel, kind, assignee_id, actor_type, actor_id, is_work
    from ticket_events where ticket_id = any(ids) and (is_work or type in ('created', 'reopened', 'closed'))
  ),
  entry as materialized (
    select id, ticket_id, type, author_type, author_id, automatic, conversation_id, writing_seconds, created_at
    from messages where ticket_id = any(ids) and (type = 'reply' or conversation_id is not null)
  ),
  ticket as materialized (
    select distinct on (ticket_id) ticket_id, id as source_id, at as created_at, channel, assignee_id,
      case when channel = 'call' then kind is distinct from 'outgoing' else actor_type = 'customer' end as incoming
    from record where type = 'created' order by ticket_id, id
  ),
  -- A message with a recording of a talk belongs to the ticket it stands in now, at the time the talk ended, however late
  -- the recording came.
  talk as materialized (
    select e.ticket_id, e.id as source_id, coalesce(c.ended_at, r.at) as at, c.agent_id
    from entry e join conversations c on c.id = e.conversation_id
    join lateral (
      select at from ticket_events where conversation_id = c.id and type = 'recording' and data ->> 'talk' = 'true' order by id limit 1) r on true
  ),
  -- Written on the other channels; the creation itself is the customer's first word.
  written as (
    select ticket_id, 0::bigint as source_id, created_at as at, created_at, null::uuid as agent_id, true as by_customer,
      null::integer as writing_seconds
    from ticket where channel <> 'call'
    union all
    select t.ticket_id, e.id, greatest(e.created_at, t.created_at), t.created_at, e.author_id, e.author_type = 'customer', e.writing_seconds
    from ticket t join entry e using (ticket_id)
    where t.channel <> 'call' and e.type = 'reply' and not e.automatic and e.conversation_id is null and e.author_type in ('agent', 'customer')
  ),
  timed as (
    select *, lag(by_customer) over entries as waited, lag(at) over entries as waits_since,
      count(*) filter (where not by_customer) over entries = 1 as is_first
    from written window entries as (partition by ticket_id order by at, source_id)
  ),
  answer as materialized (
    select ticket_id, source_id, at, agent_id, null::bigint as speed_ms, null::bigint as first_reply_ms, null::bigint as writing_ms from talk
    union all
    select ticket_id, source_id, at, agent_id,
      case when waited and at > created_at then statistics_ms(waits_since, at) end,
      case when is_first and at > created_at then statistics_ms(created_at, at) end,
      writing_seconds * 1000::bigint
    from timed where not by_customer
  ),
  work as (
    select ticket_id, min(id) as source_id, at, actor_id as agent_id from record where is_work group by ticket_id, at, actor_id
  ),
  closing as (
    select ticket_id, source_id, at, is_closing, agent_id,
      count(*) filter (where not is_closing) over (partition by ticket_id order by at, is_closing, source_id) as answers_until,
      min(at) filter (where not is_closing) over (partition by ticket_id) as first_answer_at,
      min(at) filter (where not is_closing) over (partition by ticket_id order by at, is_closing, source_id
        rows between 1 following and unbounded following) as next_answer_at
    from (
      select ticket_id, source_id, at, false as is_closing, agent_id from answer
      union all select ticket_id, id, at, true, assignee_id from record where type = 'closed'
    ) both_kinds
  ),
  fact as (
    select 'created' as type, ticket_id, source_id, created_at as at, assignee_id as agent_id, null::bigint as speed_ms,
      null::bigint as first_reply_ms, null::bigint as writing_ms, null::bigint as answers_until, null::timestamptz as first_answer_at,
      null::timestamptz as next_answer_at from ticket
    union all select 'reopened', ticket_id, id, at, assignee_id, null, null, null, null, null, null from record where type = 'reopened'
    union all select 'work', ticket_id, source_id, at, agent_id, null, null, null, null, null, null from work
    union all select 'answer', ticket_id, source_id, at, agent_id, speed_ms, first_reply_ms, writing_ms, null, null, null from answer
    union all select 'closed', c.ticket_id, c.source_id, c.at, c.agent_id,
      case when c.at <> t.created_at then statistics_ms(t.created_at, c.at) end, null, null, answers_until, first_answer_at, next_answer_at
    from closing c join ticket t using (ticket_id) where c.is_closing
  )
  select ticket_id, f.source_id, at, agent_id, incoming, f.type, channel,
    case when f.type = 'reopened' then created_at end,
    case when f.type <> 'closed' then lag(at) over facts end,
    case when f.type <> 'closed' then lag(at) over facts_of_agent end,
    case when f.type = 'closed' then lead(at) over facts end,
    case when f.type = 'closed' then lead(at) over facts_of_agent end,
    speed_ms, first_reply_ms, writing_ms,
    case when f.type = 'closed' then exists (select from talk where talk.ticket_id = f.ticket_id) end,
    answers_until::integer, first_answer_at, next_answer_at
  from fact f join ticket t using (ticket_id)
  window facts as (partition by ticket_id, f.type order by at, f.source_id),
    facts_of_agent as (partition by ticket_id, f.type, agent_id order by at, f.source_id)
$$;

-- Brings the facts of some tickets up to date; touches only rows that differ. Returns how many did.
create function statistics_refresh(ids bigint[]) returns integer language plpgsql as $$
declare
  fresh statistics_facts[] := array(select f from statistics_compute(ids) f);
  gone integer;
  come integer;
begin
  delete from statistics_facts f where f.ticket_id = any(ids) and not exists (
    select from unnest(fresh) n where n.type = f.type and n.ticket_id = f.ticket_id and n.source_id = f.source_id and n is not distinct from f);
  get diagnostics gone = row_count;
  insert into statistics_facts select (n).* from unnest(fresh) n on conflict (type, ticket_id, source_id) do nothing;
  get diagnostics come = row_count;
  return greatest(gone, come);
end $$;

-- What was there before statistics were.
insert into statistics_stale (ticket_id) select id from tickets order by id;
