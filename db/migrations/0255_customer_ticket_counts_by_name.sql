-- Each customer's number of tickets beside the name by which lists are sorted, so that a page far down in the order of names is found by
-- reading the counts in that order, not by looking up every customer's before it.
set local statement_timeout = 0;
lock table customers, tickets, customer_ticket_counts in share row exclusive mode;

alter table customer_ticket_counts add column name text;
update customer_ticket_counts t set name = lower(c.full_name) from customers c where c.id = t.customer_id;

-- Whoever gives a customer another name waits for those who have just counted a ticket under the old one, and the other way round.
create or replace function customer_ticket_counts_keep() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into customer_ticket_counts (customer_id, name, n)
      values (old.customer_id, (select lower(full_name) from customers where id = old.customer_id for key share), -1);
  end if;
  if tg_op <> 'DELETE' then
    insert into customer_ticket_counts (customer_id, name, n)
      values (new.customer_id, (select lower(full_name) from customers where id = new.customer_id for key share), 1);
  end if;
  return null;
end $$;

create function customer_ticket_counts_await() returns trigger language plpgsql as $$
begin
  perform from customers where id = old.id for update;
  return new;
end $$;
create function customer_ticket_counts_rename() returns trigger language plpgsql as $$
begin
  update customer_ticket_counts set name = lower(new.full_name) where customer_id = new.id;
  return null;
end $$;
create function customer_ticket_counts_forget() returns trigger language plpgsql as $$
begin
  delete from customer_ticket_counts where customer_id = old.id;
  return null;
end $$;
create trigger customer_ticket_counts_await before update of full_name on customers
  for each row when (lower(old.full_name) <> lower(new.full_name)) execute function customer_ticket_counts_await();
create trigger customer_ticket_counts_rename after update of full_name on customers
  for each row when (lower(old.full_name) <> lower(new.full_name)) execute function customer_ticket_counts_rename();
create trigger customer_ticket_counts_forget after delete on customers
  for each row execute function customer_ticket_counts_forget();

create index customer_ticket_counts_name on customer_ticket_counts (name, customer_id) include (n) where customer_id is not null;
analyze customer_ticket_counts;
