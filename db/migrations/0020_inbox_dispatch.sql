-- What the dispatcher asks over and over: is anything of this entry waiting that came earlier?
create index inbox_waiting_entry on inbox (entry, id) where delivered_at is null and entry is not null;
-- Admins look for what could not be translated.
create index inbox_failed on inbox (id) where verdict = 'failed';
