-- A fact knows whether it lies six days or more after the first of its type in its ticket. Facts that lie closer together meet at an
-- hour of the week only if they lie in the same hour, so that counting tickets by the hour of the week need compare only the others.
alter table statistics_facts add column may_recur boolean not null default false;

-- The facts of some tickets, from the source.
create or replace function statistics_compute(ids bigint[]) returns setof statistics_facts language sql stable as $$
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
  select ticket_id, f.source_id, at, f.agent_id, incoming, f.type, channel,
    case when f.type = 'reopened' then t.created_at end,
    case when f.type <> 'closed' then lag(at) over facts end,
    case when f.type <> 'closed' then lag(at) over facts_of_agent end,
    case when f.type = 'closed' then lead(at) over facts end,
    case when f.type = 'closed' then lead(at) over facts_of_agent end,
    speed_ms, first_reply_ms, writing_ms,
    case when f.type = 'closed' then exists (select from talk where talk.ticket_id = f.ticket_id) end,
    answers_until::integer, first_answer_at, next_answer_at,
    case when f.type <> 'closed' and a.team is not null then lag(at) over facts_of_team end,
    case when f.type = 'closed' and a.team is not null then lead(at) over facts_of_team end,
    f.type in ('reopened', 'work') and at >= first_value(at) over facts + interval '144 hours'
  from fact f join ticket t using (ticket_id) left join agents a on a.id = f.agent_id
  window facts as (partition by ticket_id, f.type order by at, f.source_id),
    facts_of_agent as (partition by ticket_id, f.type, f.agent_id order by at, f.source_id),
    facts_of_team as (partition by ticket_id, f.type, a.team order by at, f.source_id)
$$;

-- Of the facts there are. They may be millions.
set local statement_timeout = 0;
set local work_mem = '256MB';
update statistics_facts f set may_recur = true
from (
  select type, ticket_id, min(at) as at from statistics_facts where type in ('reopened', 'work')
  group by type, ticket_id having max(at) >= min(at) + interval '144 hours') first
where f.type = first.type and f.ticket_id = first.ticket_id and f.at >= first.at + interval '144 hours';
create index statistics_facts_recurring on statistics_facts (at) where may_recur;
