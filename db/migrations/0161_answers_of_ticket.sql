-- How many answers a ticket had in a period. A function, because it is asked of few closings: PostgreSQL expects a subquery to be run for
-- each, and plans the whole statement for that.
create function statistics_answers(of_ticket bigint, from_at timestamptz, to_at timestamptz) returns integer
language sql stable parallel safe cost 10 as $$
  select count(*)::integer from statistics_facts_answer where ticket_id = of_ticket and at >= from_at and at < to_at
$$;
