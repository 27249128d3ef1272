-- The event inspector reads the inbox newest first, page by page, whatever it is narrowed to and however long it is.

alter table inbox add column repeated_at timestamptz;

-- What the inspector calls an event's verdict: a row that was delivered may have done less than its reader expects.
create function inbox_verdict(verdict text, why text) returns text language sql immutable parallel safe as $$
  select case when why in ('operator_unknown', 'operator_unmapped') then 'unknown_operator'
    when why = 'operator_ignored' then 'ignored' else verdict end
$$;

drop index inbox_received;
create index inbox_received on inbox (received_at, id);
create index inbox_by_account on inbox (integration_id, received_at, id);
create index inbox_by_path on inbox (path, received_at, id);
-- Of those that went as they should there is no need: they are nearly all.
create index inbox_by_verdict on inbox (inbox_verdict(verdict, why), received_at, id) where inbox_verdict(verdict, why) <> 'delivered';
create index inbox_repeated on inbox (received_at, id) where repeats > 0;
create index inbox_by_caller on inbox ((body -> 'from' ->> 'extension'), received_at, id)
  where body -> 'from' ->> 'extension' is not null;
create index inbox_by_called on inbox ((body -> 'to' ->> 'extension'), received_at, id)
  where body -> 'to' ->> 'extension' is not null;
create index inbox_by_recorded on inbox ((body ->> 'extension'), received_at, id) where body ->> 'extension' is not null;
create index calls_line on calls (line) where line is not null;
create index call_numbers_digits on call_numbers using gin (number gin_trgm_ops);

drop index refused_events_at;
create index refused_events_at on refused_events (at, id);
