-- An answer that ends a wait knows when, in its ticket, one before it ended a wait at least as long, and when one after it will end a longer
-- one; likewise of the same agent and team. A ticket breaks the target for any reply in a period if its longest wait there does: the one
-- without a longer before it or after it in the period, which is a condition on one row, whatever the target.
alter table statistics_facts add column longer_before_at timestamptz;
alter table statistics_facts add column longer_after_at timestamptz;
alter table statistics_facts add column longer_before_of_agent_at timestamptz;
alter table statistics_facts add column longer_after_of_agent_at timestamptz;
alter table statistics_facts add column longer_before_of_team_at timestamptz;
alter table statistics_facts add column longer_after_of_team_at timestamptz;

-- Of waits in the order of time: the nearest before that is no shorter, and the nearest after that is longer. Those that have met no longer
-- one yet stand on a pile, the shortest on top, so that each is looked at but twice.
create function statistics_longer_waits(ids bigint[], times timestamptz[], waits bigint[])
returns table (source_id bigint, before_at timestamptz, after_at timestamptz) language plpgsql immutable parallel safe as $$
declare
  pile integer[] := array_fill(0, array[cardinality(ids)]);
  height integer := 0;
  befores timestamptz[] := array_fill(null::timestamptz, array[cardinality(ids)]);
  afters timestamptz[] := array_fill(null::timestamptz, array[cardinality(ids)]);
begin
  for i in 1 .. cardinality(ids) loop
    while height > 0 and waits[pile[height]] < waits[i] loop
      afters[pile[height]] := times[i];
      height := height - 1;
    end loop;
    if height > 0 then
      befores[i] := times[pile[height]];
    end if;
    height := height + 1;
    pile[height] := i;
  end loop;
  return query select * from unnest(ids, befores, afters);
end $$;

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
  -- Waits of tickets, of one agent and of one team in them: those with others beside them.
  wait as (
    select a.ticket_id, a.source_id, a.at, a.speed_ms, a.agent_id, g.team from answer a left join agents g on g.id = a.agent_id
    where a.speed_ms is not null
  ),
  run as (
    select 'everybody' as whose, array_agg(source_id order by at, source_id) as ids, array_agg(at order by at, source_id) as times,
      array_agg(speed_ms order by at, source_id) as waits from wait group by ticket_id having count(*) > 1
    union all
    select 'agent', array_agg(source_id order by at, source_id), array_agg(at order by at, source_id),
      array_agg(speed_ms order by at, source_id) from wait group by ticket_id, agent_id having count(*) > 1
    union all
    select 'team', array_agg(source_id order by at, source_id), array_agg(at order by at, source_id),
      array_agg(speed_ms order by at, source_id) from wait where team is not null group by ticket_id, team having count(*) > 1
  ),
  -- Messages have ids of their own, whatever their ticket.
  longer as materialized (
    select source_id, max(before_at) filter (where whose = 'everybody') as before_at, max(after_at) filter (where whose = 'everybody') as after_at,
      max(before_at) filter (where whose = 'agent') as before_of_agent_at, max(after_at) filter (where whose = 'agent') as after_of_agent_at,
      max(before_at) filter (where whose = 'team') as before_of_team_at, max(after_at) filter (where whose = 'team') as after_of_team_at
    from run cross join lateral statistics_longer_waits(ids, times, waits) group by source_id
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
    f.type in ('reopened', 'work') and at >= first_value(at) over facts + interval '144 hours',
    l.before_at, l.after_at, l.before_of_agent_at, l.after_of_agent_at, l.before_of_team_at, l.after_of_team_at
  from fact f join ticket t using (ticket_id) left join agents a on a.id = f.agent_id
  left join longer l on f.type = 'answer' and l.source_id = f.source_id
  window facts as (partition by ticket_id, f.type order by at, f.source_id),
    facts_of_agent as (partition by ticket_id, f.type, f.agent_id order by at, f.source_id),
    facts_of_team as (partition by ticket_id, f.type, a.team order by at, f.source_id)
$$;

-- Of the facts there are. They may be millions.
set local statement_timeout = 0;
set local work_mem = '256MB';
select pg_advisory_xact_lock(7282050);
with wait as materialized (
  select f.ticket_id, f.source_id, f.at, f.speed_ms, f.agent_id, g.team
  from (select *, count(*) over (partition by ticket_id) as n from statistics_facts_answer where speed_ms is not null) f
  left join agents g on g.id = f.agent_id where f.n > 1
),
run as (
  select 'everybody' as whose, array_agg(source_id order by at, source_id) as ids, array_agg(at order by at, source_id) as times,
    array_agg(speed_ms order by at, source_id) as waits from wait group by ticket_id
  union all
  select 'agent', array_agg(source_id order by at, source_id), array_agg(at order by at, source_id),
    array_agg(speed_ms order by at, source_id) from wait group by ticket_id, agent_id having count(*) > 1
  union all
  select 'team', array_agg(source_id order by at, source_id), array_agg(at order by at, source_id),
    array_agg(speed_ms order by at, source_id) from wait where team is not null group by ticket_id, team having count(*) > 1
),
longer as (
  select source_id, max(before_at) filter (where whose = 'everybody') as before_at, max(after_at) filter (where whose = 'everybody') as after_at,
    max(before_at) filter (where whose = 'agent') as before_of_agent_at, max(after_at) filter (where whose = 'agent') as after_of_agent_at,
    max(before_at) filter (where whose = 'team') as before_of_team_at, max(after_at) filter (where whose = 'team') as after_of_team_at
  from run cross join lateral statistics_longer_waits(ids, times, waits) group by source_id
)
update statistics_facts_answer f set longer_before_at = l.before_at, longer_after_at = l.after_at,
  longer_before_of_agent_at = l.before_of_agent_at, longer_after_of_agent_at = l.after_of_agent_at,
  longer_before_of_team_at = l.before_of_team_at, longer_after_of_team_at = l.after_of_team_at
from longer l where f.source_id = l.source_id;
