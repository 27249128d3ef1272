-- Roll-ups of the facts `work`, of which there are most, so that a long period need not read each of them. A ticket counts once
-- wherever it is counted, so its facts cannot simply be added up. What can be: the first facts of tickets, and the links from a fact to the
-- one before it. In a stretch of time a ticket counts with its first fact, or with the one link that comes into the stretch from before it.
-- Links shorter than the stretch are told by the instant at which it starts; links that are long are few, and have an index of their own.
--
-- Triggers on the facts keep them. They can be thrown away and computed again, and are checked (db/statistics/roll-ups.ts).

-- By quarters of an hour: hours and days of all time zones begin with one.
create table statistics_work_quarters (
  at timestamptz not null,
  channel text collate "C" not null,
  incoming boolean not null,
  firsts integer not null,
  -- Shorter than 23 hours, as the shortest day is, and from before this instant to then or later.
  links integer not null,
  -- For hours of the week, of facts that do not recur in later weeks: those that follow after an hour or more, or nothing; shorter links.
  hour_starts integer not null,
  hour_links integer not null,
  primary key (at, channel, incoming)
);

-- By days of UTC and agents: first facts of everybody, their team, themselves in a ticket.
create table statistics_work_days (
  day date not null,
  agent_id uuid,
  channel text collate "C" not null,
  incoming boolean not null,
  firsts integer not null,
  firsts_of_team integer not null,
  firsts_of_agent integer not null,
  unique nulls not distinct (day, agent_id, channel, incoming)
);
create index statistics_work_days_agent on statistics_work_days (agent_id, day);

create function statistics_quarter(at timestamptz) returns timestamptz language sql immutable parallel safe as $$
  select date_bin(interval '15 minutes', at, timestamptz '1970-01-01 00:00:00+00')
$$;

-- What the roll-ups are when they are right. How many links cross an instant is how many have begun before it less those that have ended.
create view statistics_work_quarters_of_facts as
with link as (
  select statistics_quarter(previous_at) as first, statistics_quarter(at) as last, channel, incoming,
    (not may_recur and at - previous_at < interval '1 hour')::integer as short
  from statistics_facts_work where at - previous_at < interval '23 hours' and statistics_quarter(previous_at) < statistics_quarter(at)
),
turn as (
  select first + interval '15 minutes' as at, channel, incoming, count(*) as links, sum(short) as short from link group by 1, 2, 3
  union all
  select last + interval '15 minutes', channel, incoming, -count(*), -sum(short) from link group by 1, 2, 3
),
running as (
  select at, lead(at) over turns as until, channel, incoming, sum(sum(links)) over turns as links, sum(sum(short)) over turns as short
  from turn group by at, channel, incoming window turns as (partition by channel, incoming order by at)
)
select at, channel, incoming, sum(firsts)::integer as firsts, sum(links)::integer as links, sum(hour_starts)::integer as hour_starts,
  sum(hour_links)::integer as hour_links
from (
  select statistics_quarter(at) as at, channel, incoming, count(*) filter (where previous_at is null) as firsts, 0 as links,
    count(*) filter (where not may_recur) as hour_starts, 0 as hour_links
  from statistics_facts_work where previous_at is null or at - previous_at >= interval '1 hour' group by 1, 2, 3
  union all
  select quarter, channel, incoming, 0, links, 0, short
  from running cross join lateral generate_series(at, until - interval '15 minutes', interval '15 minutes') quarter where links > 0) part
group by 1, 2, 3;
create view statistics_work_days_of_facts as
select (at at time zone 'UTC')::date as day, agent_id, channel, incoming, count(*) filter (where previous_at is null)::integer as firsts,
  count(*) filter (where previous_of_team_at is null)::integer as firsts_of_team, count(*)::integer as firsts_of_agent
from statistics_facts_work where previous_of_agent_at is null group by 1, 2, 3, 4;

-- Adds what the changed facts give, or takes it away (the trigger's argument says which).
create function statistics_work_roll_up() returns trigger language plpgsql as $$
declare
  sign integer := tg_argv[0];
begin
  insert into statistics_work_quarters as kept (at, channel, incoming, firsts, links, hour_starts, hour_links)
  select part.at, c.channel, c.incoming, sign * sum(part.firsts), sign * sum(part.links), sign * sum(part.hour_starts), sign * sum(part.hour_links)
  from changed c cross join lateral (
    select statistics_quarter(c.at) as at, (c.previous_at is null)::integer as firsts, 0 as links,
      (not c.may_recur)::integer as hour_starts, 0 as hour_links
    where c.previous_at is null or c.at - c.previous_at >= interval '1 hour'
    union all
    select quarter, 0, 1, 0, (not c.may_recur and c.at - c.previous_at < interval '1 hour')::integer
    from generate_series(statistics_quarter(c.previous_at) + interval '15 minutes', statistics_quarter(c.at), interval '15 minutes') quarter
    where c.at - c.previous_at < interval '23 hours') part
  where c.type = 'work' group by 1, 2, 3
  on conflict (at, channel, incoming) do update set firsts = kept.firsts + excluded.firsts, links = kept.links + excluded.links,
    hour_starts = kept.hour_starts + excluded.hour_starts, hour_links = kept.hour_links + excluded.hour_links;
  insert into statistics_work_days as kept (day, agent_id, channel, incoming, firsts, firsts_of_team, firsts_of_agent)
  select (at at time zone 'UTC')::date, agent_id, channel, incoming, sign * count(*) filter (where previous_at is null),
    sign * count(*) filter (where previous_of_team_at is null), sign * count(*)
  from changed where type = 'work' and previous_of_agent_at is null group by 1, 2, 3, 4
  on conflict (day, agent_id, channel, incoming) do update set firsts = kept.firsts + excluded.firsts,
    firsts_of_team = kept.firsts_of_team + excluded.firsts_of_team, firsts_of_agent = kept.firsts_of_agent + excluded.firsts_of_agent;
  return null;
end $$;
create function statistics_work_empty() returns trigger language plpgsql as $$
begin
  delete from statistics_work_quarters;
  delete from statistics_work_days;
  return null;
end $$;

-- Facts are brought up to date under this lock: none changes from here on until those that there are have been rolled up.
select pg_advisory_xact_lock(7282050);
create trigger statistics_facts_come after insert on statistics_facts
  referencing new table as changed for each statement execute function statistics_work_roll_up('1');
create trigger statistics_facts_gone after delete on statistics_facts
  referencing old table as changed for each statement execute function statistics_work_roll_up('-1');
create trigger statistics_facts_before after update on statistics_facts
  referencing old table as changed for each statement execute function statistics_work_roll_up('-1');
create trigger statistics_facts_after after update on statistics_facts
  referencing new table as changed for each statement execute function statistics_work_roll_up('1');
create trigger statistics_facts_truncate after truncate on statistics_facts for each statement execute function statistics_work_empty();

-- They may be millions.
set local statement_timeout = 0;
set local work_mem = '256MB';
set local maintenance_work_mem = '256MB';
insert into statistics_work_quarters select * from statistics_work_quarters_of_facts;
insert into statistics_work_days select * from statistics_work_days_of_facts;
create index statistics_facts_work_return on statistics_facts_work (at)
  include (agent_id, channel, incoming, previous_at, previous_of_team_at, previous_of_agent_at)
  where at - previous_at >= interval '23 hours' or at - previous_of_team_at >= interval '23 hours' or at - previous_of_agent_at >= interval '23 hours';
-- An index is read without its rows only where a vacuum has been, which should not wait until a fifth is new.
alter table statistics_facts_work set (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
