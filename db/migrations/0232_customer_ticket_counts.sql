-- How many tickets each customer has (null: those of nobody), so that a page far down in the order of names need not count every customer's
-- before it. As `ticket_counts`: changes are appended, which never waits for anybody, and added up now and then.
create table customer_ticket_counts (
  customer_id uuid,
  n integer not null,
  -- Not added up yet.
  is_change boolean not null default true
);

create function customer_ticket_counts_keep() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into customer_ticket_counts (customer_id, n) values (old.customer_id, -1);
  end if;
  if tg_op <> 'DELETE' then
    insert into customer_ticket_counts (customer_id, n) values (new.customer_id, 1);
  end if;
  return null;
end $$;
create function customer_ticket_counts_truncate() returns trigger language plpgsql as $$
begin
  delete from customer_ticket_counts;
  return null;
end $$;
create trigger customer_ticket_counts_keep after insert or delete on tickets
  for each row execute function customer_ticket_counts_keep();
create trigger customer_ticket_counts_move after update of customer_id on tickets
  for each row when (old.customer_id is distinct from new.customer_id) execute function customer_ticket_counts_keep();
create trigger customer_ticket_counts_truncate after truncate on tickets
  for each statement execute function customer_ticket_counts_truncate();

-- What was there before. No ticket changes while this runs: making the triggers has locked the table.
set local statement_timeout = 0;
insert into customer_ticket_counts select customer_id, count(*), false from tickets group by 1;
create index customer_ticket_counts_customer on customer_ticket_counts (customer_id) include (n);
create index customer_ticket_counts_changes on customer_ticket_counts (customer_id) where is_change;
analyze customer_ticket_counts;
