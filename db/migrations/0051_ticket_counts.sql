-- How many tickets there are of each kind, so that a list's total need not count a million rows. Changes are appended, which
-- never waits for anybody, and added up now and then; the sum is exact at every moment.
create table ticket_counts (
  status text not null,
  channel text not null,
  kind text,
  assignee_id uuid,
  n integer not null
);

create function ticket_counts_insert() returns trigger language plpgsql as $$
begin
  insert into ticket_counts select status, channel, kind, assignee_id, count(*) from come group by 1, 2, 3, 4;
  return null;
end $$;
create function ticket_counts_update() returns trigger language plpgsql as $$
begin
  insert into ticket_counts
  select status, channel, kind, assignee_id, sum(n)
  from (select status, channel, kind, assignee_id, 1 as n from come union all select status, channel, kind, assignee_id, -1 from gone) changed
  group by 1, 2, 3, 4 having sum(n) <> 0;
  return null;
end $$;
create function ticket_counts_delete() returns trigger language plpgsql as $$
begin
  insert into ticket_counts select status, channel, kind, assignee_id, -count(*) from gone group by 1, 2, 3, 4;
  return null;
end $$;
create function ticket_counts_truncate() returns trigger language plpgsql as $$
begin
  delete from ticket_counts;
  return null;
end $$;
create trigger ticket_counts_insert after insert on tickets
  referencing new table as come for each statement execute function ticket_counts_insert();
create trigger ticket_counts_update after update on tickets
  referencing new table as come old table as gone for each statement execute function ticket_counts_update();
create trigger ticket_counts_delete after delete on tickets
  referencing old table as gone for each statement execute function ticket_counts_delete();
create trigger ticket_counts_truncate after truncate on tickets for each statement execute function ticket_counts_truncate();

-- What was there before. No ticket changes while this runs: making the triggers has locked the table.
insert into ticket_counts select status, channel, kind, assignee_id, count(*) from tickets group by 1, 2, 3, 4;
