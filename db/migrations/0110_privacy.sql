-- What may only be added to.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;

-- Whose data an admin has ordered to be erased. Ids are all that the workflow knows.
create table erasures (
  id uuid primary key default gen_random_uuid(),
  -- Of the pseudonym: «Удалённый пользователь № 1».
  number bigint generated always as identity unique,
  customer_id uuid not null unique references customers (id),
  reason text not null check (reason in ('request', 'consent_withdrawn', 'purpose_reached', 'unlawful')),
  -- What becomes of subjects and messages: gone, or kept without the person's name, numbers and addresses.
  texts text not null check (texts in ('erase', 'keep')),
  state text not null default 'ordered' check (state in ('ordered', 'blocked', 'erasing', 'checking', 'done')),
  ordered_by uuid references agents (id),
  ordered_at timestamptz not null default clock_timestamp(),
  blocked_at timestamptz,
  finished_at timestamptz,
  -- How much of each kind has been erased so far.
  counts jsonb not null default '{}'
);

-- By what the person can be recognised in places that name no customer; gone when the erasure is done.
create table erasure_identifiers (
  erasure_id uuid not null references erasures (id),
  kind text not null check (kind in ('phone', 'shared_phone', 'email', 'name')),
  value text not null,
  primary key (erasure_id, kind, value)
);

create table destruction_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  cause text not null check (cause in ('retention', 'erasure')),
  -- Why: the term is over, or the reason of the erasure.
  reason text not null,
  -- Whose data: the pseudonym's number and the customer's id; null where a term ended for many.
  subject_number bigint,
  subject_id uuid,
  -- What: kinds of data with how many of each.
  categories jsonb not null,
  erasure_id uuid unique,
  -- Who ordered it, as they were called then; null: the service by its settings.
  actor_id uuid,
  actor_name text,
  ordered_at timestamptz
);
create index destruction_log_at on destruction_log (at desc, id desc);
create trigger destruction_log_append_only before update or delete on destruction_log for each row execute function refuse_change();
create trigger destruction_log_no_truncate before truncate on destruction_log for each statement execute function refuse_change();

-- The event's numbers are hashes or gone, and it has no raw text any more.
alter table inbox add column redacted_at timestamptz;
create index inbox_unredacted on inbox (received_at) where redacted_at is null;
