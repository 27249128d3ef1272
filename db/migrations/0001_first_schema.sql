-- The whole first schema. Times are timestamptz, columns snake_case; invariants are constraints wherever Postgres can hold them.

create extension if not exists pg_trgm;

-- People who work here ------------------------------------------------------------------------------------------------

create table agents (
  id uuid primary key default gen_random_uuid(),
  full_name text not null check (full_name <> ''),
  email text not null,
  role text not null check (role in ('agent', 'admin')),
  access text not null default 'all' check (access in ('all', 'own')),
  password_hash text,
  preferences jsonb not null default '{}',
  created_at timestamptz not null default now(),
  deactivated_at timestamptz
);
create unique index agents_email on agents (lower(email));

create table sessions (
  token_hash bytea primary key,
  agent_id uuid not null references agents (id),
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  address text,
  user_agent text
);
create index sessions_agent on sessions (agent_id);

create table invitations (
  token_hash bytea primary key,
  agent_id uuid not null references agents (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);

create table sign_in_attempts (
  id bigint generated always as identity primary key,
  email text not null,
  address text not null,
  at timestamptz not null default now()
);
create index sign_in_attempts_email on sign_in_attempts (email, at);
create index sign_in_attempts_address on sign_in_attempts (address, at);

-- The PBX -------------------------------------------------------------------------------------------------------------

create table integrations (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('mango', 'demo')),
  name text not null,
  api_url text not null,
  api_key_encrypted bytea not null,
  api_salt_encrypted bytea not null,
  -- Keyed hash of the API key, by which a webhook finds its integration without decrypting all of them.
  api_key_hash bytea not null,
  from_environment boolean not null default false,
  created_at timestamptz not null default now(),
  removed_at timestamptz,
  last_event_at timestamptz,
  operators_read_at timestamptz
);
create unique index integrations_key on integrations (api_key_hash) where removed_at is null;

create table operators (
  id uuid primary key default gen_random_uuid(),
  integration_id uuid not null references integrations (id),
  extension text not null,
  full_name text not null default '',
  email text,
  devices jsonb not null default '[]',
  agent_id uuid references agents (id),
  ignored boolean not null default false,
  -- False once the PBX no longer lists the operator; history keeps the row.
  present boolean not null default true,
  updated_at timestamptz not null default now(),
  unique (integration_id, extension),
  check (not (ignored and agent_id is not null))
);

-- Customers -----------------------------------------------------------------------------------------------------------

create table customers (
  id uuid primary key default gen_random_uuid(),
  full_name text not null,
  company text not null default '',
  note text not null default '',
  custom_fields jsonb not null default '{}',
  -- Everything a person may search by, in lower case; kept by the triggers below.
  search text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  erased_at timestamptz
);
create index customers_search on customers using gin (search gin_trgm_ops);
create index customers_created on customers (created_at desc, id);

create table customer_phones (
  customer_id uuid not null references customers (id) on delete cascade,
  phone text not null check (phone ~ '^\+[0-9]{3,15}$'),
  position integer not null default 0,
  primary key (customer_id, phone)
);
create index customer_phones_phone on customer_phones (phone);

create table customer_emails (
  customer_id uuid not null references customers (id) on delete cascade,
  email text not null,
  position integer not null default 0,
  primary key (customer_id, email)
);

create function customer_search_text(c customers) returns text language sql stable as $$
  select lower(concat_ws(' ', c.full_name, c.company, c.note,
    (select string_agg(value, ' ') from jsonb_each_text(c.custom_fields)),
    (select string_agg(phone, ' ') from customer_phones where customer_id = c.id),
    (select string_agg(email, ' ') from customer_emails where customer_id = c.id)))
$$;
create function customer_refresh_search() returns trigger language plpgsql as $$
begin
  new.search := customer_search_text(new);
  return new;
end $$;
create trigger customers_search before insert or update on customers for each row execute function customer_refresh_search();
create function customer_part_refresh_search() returns trigger language plpgsql as $$
begin
  update customers set updated_at = updated_at where id = coalesce(new.customer_id, old.customer_id);
  return null;
end $$;
create trigger customer_phones_search after insert or update or delete on customer_phones
  for each row execute function customer_part_refresh_search();
create trigger customer_emails_search after insert or update or delete on customer_emails
  for each row execute function customer_part_refresh_search();

create table field_definitions (
  id uuid primary key default gen_random_uuid(),
  key text not null unique check (key ~ '^[a-z][a-zA-Z0-9_]{0,62}$'),
  label text not null,
  type text not null check (type in ('text', 'multiline', 'number', 'date', 'checkbox', 'select', 'link')),
  options jsonb not null default '[]',
  position integer not null default 0,
  built_in boolean not null default false,
  show_on_call boolean not null default false
);
insert into field_definitions (key, label, type, position, built_in, show_on_call) values
  ('fullName', 'Полное имя', 'text', 0, true, true),
  ('emails', 'Email-адрес', 'text', 1, true, true),
  ('phones', 'Телефон', 'text', 2, true, false),
  ('company', 'Компания', 'text', 3, true, true),
  ('note', 'Заметка', 'multiline', 4, true, false);

-- Inbox: the one door -------------------------------------------------------------------------------------------------

create table inbox (
  id bigint generated always as identity primary key,
  source text not null check (source in ('pbx', 'agent', 'system', 'reconcile')),
  integration_id uuid references integrations (id),
  -- The source's own key of the event (design: call_id+seq, entry_id, recording_id+seq, actionId); unique, so a repeat is dropped.
  key text not null,
  -- What the dispatcher delivers in order: the PBX's entry_id, or callback:<commandId> while no entry is known.
  entry text,
  path text,
  body jsonb not null,
  raw text,
  verdict text not null default 'accepted'
    check (verdict in ('accepted', 'kept', 'ignored', 'late', 'delivered', 'failed')),
  -- Why it was ignored or kept, as a code the interface puts into words.
  why text,
  received_at timestamptz not null default clock_timestamp(),
  workflow_id text,
  delivered_at timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text,
  repeats integer not null default 0
);
create unique index inbox_key on inbox (source, coalesce(integration_id, '00000000-0000-0000-0000-000000000000'::uuid), key);
create index inbox_waiting on inbox (next_attempt_at, id) where delivered_at is null and entry is not null;
create index inbox_entry on inbox (entry, id);
create index inbox_received on inbox (received_at);

-- Requests on the webhook paths that were refused: kept small, for the inspector only. Nothing reads them to decide anything.
create table refused_events (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  path text not null,
  reason text not null,
  integration_id uuid references integrations (id),
  address text,
  detail jsonb not null default '{}'
);
create index refused_events_at on refused_events (at);

-- Calls ---------------------------------------------------------------------------------------------------------------

create table calls (
  id uuid primary key default gen_random_uuid(),
  integration_id uuid not null references integrations (id),
  entry_id text,
  workflow_id text unique,
  -- A callback ordered from a ticket: our command, who ordered it, for which ticket.
  command_id text unique,
  command_state text check (command_state in ('stored', 'sent', 'accepted', 'refused', 'unknown', 'cancelled', 'bound')),
  command_code text,
  ordered_by uuid references agents (id),
  ticket_id bigint,
  direction text check (direction in ('incoming', 'outgoing', 'internal')),
  state text not null default 'active' check (state in ('dialling', 'active', 'over')),
  -- E.164 of the person outside; null when hidden or not known yet.
  phone text,
  line text,
  customer_id uuid references customers (id),
  -- What the workflow knows, in words: for admins' eyes.
  view jsonb not null default '{}',
  -- Facts by which a call ended otherwise than usual: closed by timer, no summary, reconciled.
  flags jsonb not null default '{}',
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  -- Where a callback's row went if the PBX entry already had one of its own.
  merged_into uuid references calls (id),
  unique (integration_id, entry_id)
);
create index calls_open on calls (started_at) where state <> 'over';
create index calls_customer on calls (customer_id);

-- Numbers of one call. Signals and histories name them by ref only, so that erasing a person need not rewrite them.
create table call_numbers (
  call_id uuid not null references calls (id) on delete cascade,
  ref integer not null,
  number text not null,
  primary key (call_id, ref),
  unique (call_id, number)
);

create table tickets (
  id bigint generated always as identity primary key,
  number bigint generated always as identity unique,
  subject text not null,
  status text not null check (status in ('open', 'pending', 'closed')),
  channel text not null check (channel in ('call', 'email', 'chat', 'web', 'messenger', 'social')),
  kind text check (kind in ('incoming', 'outgoing', 'missed')),
  handset text check (handset in ('red', 'green')),
  phone text,
  customer_id uuid references customers (id),
  assignee_id uuid references agents (id),
  -- Made by the service, and by nobody's hand changed since: such a ticket may still be filled or corrected by a rule.
  automatic boolean not null default false,
  touched_at timestamptz,
  -- The rule that set the present status (S15 …), or 'hand'.
  status_rule text,
  missed_count integer not null default 0,
  last_missed_at timestamptz,
  last_missed_seen_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  check ((channel = 'call') = (kind is not null)),
  check ((channel = 'call') = (handset is not null)),
  check ((status = 'closed') = (closed_at is not null))
);
alter table calls add foreign key (ticket_id) references tickets (id);
create index tickets_updated on tickets (updated_at desc, id desc);
create index tickets_created on tickets (created_at desc, id desc);
create index tickets_status_updated on tickets (status, updated_at desc, id desc);
create index tickets_channel_updated on tickets (channel, updated_at desc, id desc);
create index tickets_assignee_updated on tickets (assignee_id, updated_at desc, id desc);
create index tickets_customer on tickets (customer_id, updated_at desc, id desc);
create index tickets_missed_open on tickets (last_missed_at desc, id desc) where kind = 'missed' and status <> 'closed';
create index tickets_missed_phone on tickets (phone) where kind = 'missed';
create index tickets_subject on tickets using gin (lower(subject) gin_trgm_ops);
create index tickets_phone on tickets using gin (phone gin_trgm_ops);

-- One row per conversation (outcome talked), per missed PBX call (missed) and per attempt (unanswered).
create table conversations (
  id text primary key,
  call_id uuid not null references calls (id),
  ordinal integer not null,
  agent_id uuid references agents (id),
  direction text not null check (direction in ('incoming', 'outgoing')),
  outcome text not null check (outcome in ('in_progress', 'talked', 'missed', 'unanswered')),
  ticket_id bigint references tickets (id),
  -- How the ticket came: the agent made it, linked it, or called from it; or the service made it at the end.
  made_by text check (made_by in ('create', 'link', 'callback', 'auto')),
  customer_id uuid references customers (id),
  phone text,
  started_at timestamptz not null,
  answered_at timestamptz,
  ended_at timestamptz,
  -- When the service learnt of the answer and of the end: the tie-break where the PBX's whole seconds cannot tell.
  answered_seen_at timestamptz,
  ended_seen_at timestamptz,
  talk_seconds integer,
  handed_over_to uuid references agents (id),
  reconciled boolean not null default false,
  unique (call_id, ordinal)
);
create unique index conversations_missed_once on conversations (call_id) where outcome = 'missed';
create index conversations_ticket on conversations (ticket_id);
create index conversations_customer on conversations (customer_id, answered_at);
create index conversations_phone on conversations (phone, answered_at);

create table messages (
  id bigint generated always as identity primary key,
  ticket_id bigint not null references tickets (id),
  type text not null check (type in ('reply', 'note', 'system')),
  author_type text not null check (author_type in ('agent', 'customer', 'system')),
  author_id uuid,
  body text not null default '',
  -- A system entry is a code with parameters; the interface puts it into words.
  code text,
  params jsonb not null default '{}',
  automatic boolean not null default false,
  conversation_id text references conversations (id),
  -- Seconds the agent had the reply editor open (other channels), for «Скорость написания ответа».
  writing_seconds integer,
  created_at timestamptz not null default clock_timestamp()
);
create unique index messages_conversation on messages (conversation_id) where conversation_id is not null;
create index messages_ticket on messages (ticket_id, id);

-- Who has a card now, and what /api/calls lists: one row per call and agent.
create table call_cards (
  call_id uuid not null references calls (id) on delete cascade,
  agent_id uuid not null references agents (id),
  state text not null check (state in ('ringing', 'dialling', 'talking')),
  conversation_id text,
  direction text not null check (direction in ('incoming', 'outgoing')),
  started_at timestamptz not null,
  answered_at timestamptz,
  primary key (call_id, agent_id)
);
create index call_cards_agent on call_cards (agent_id);

create table drafts (
  conversation_id text primary key,
  call_id uuid not null references calls (id) on delete cascade,
  agent_id uuid not null references agents (id),
  subject text not null default '',
  gist text not null default '',
  updated_at timestamptz not null default clock_timestamp()
);

create table actions (
  agent_id uuid not null references agents (id),
  action_id text not null check (length(action_id) between 1 and 128),
  call_id uuid not null references calls (id),
  type text not null,
  body jsonb not null,
  state text not null default 'accepted' check (state in ('accepted', 'done', 'refused')),
  code text,
  ticket_id bigint references tickets (id),
  accepted_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  primary key (agent_id, action_id)
);
create index actions_call on actions (call_id);

create table recordings (
  -- Random, 122 bits: the id is all a link to the audio shows.
  id uuid primary key default gen_random_uuid(),
  call_id uuid not null references calls (id),
  -- The PBX's id; null while none has been announced.
  recording_id text,
  conversation_id text references conversations (id),
  state text not null check (state in ('pending', 'ready', 'unavailable')),
  reason text,
  content_type text,
  bytes bigint,
  duration_seconds integer,
  sha256 text,
  attempts integer not null default 0,
  requested_again_at timestamptz,
  ready_at timestamptz,
  removed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create unique index recordings_pbx_id on recordings (call_id, recording_id) where recording_id is not null;
create unique index recordings_placeholder on recordings (conversation_id) where recording_id is null;
create index recordings_conversation on recordings (conversation_id);
create index recordings_ready on recordings (ready_at) where state = 'ready';

-- The append-only record ----------------------------------------------------------------------------------------------

create table ticket_events (
  id bigint generated always as identity primary key,
  ticket_id bigint not null references tickets (id),
  at timestamptz not null default clock_timestamp(),
  -- created | reopened | closed | status | assigned | subject | customer | reply | note | recording | missed | linked | unlinked | attempt | handset
  type text not null,
  channel text not null,
  kind text,
  -- Whose it was at that moment (after the change), for figures about tickets.
  assignee_id uuid,
  actor_type text not null check (actor_type in ('agent', 'system', 'customer')),
  actor_id uuid,
  -- The agent's own work (S20 «в работе»): a reply, a note or a change of a property by hand.
  is_work boolean not null default false,
  -- The rule that decided it (S12 …) where the service did.
  rule text,
  call_id uuid,
  conversation_id text,
  message_id bigint,
  inbox_id bigint,
  from_value text,
  to_value text,
  data jsonb not null default '{}'
);
create index ticket_events_at on ticket_events (at, type);
create index ticket_events_ticket on ticket_events (ticket_id, id);
create index ticket_events_call on ticket_events (call_id) where call_id is not null;

create table stream_events (
  id bigint generated always as identity primary key,
  -- Resume never skips a late commit: readers go by (xid, id) below the oldest running transaction, not by id alone.
  xid xid8 not null default pg_current_xact_id(),
  -- The one agent it concerns; null for everybody who may see the ticket.
  agent_id uuid,
  ticket_id bigint,
  type text not null,
  payload jsonb not null,
  at timestamptz not null default clock_timestamp()
);
create index stream_events_cursor on stream_events (xid, id);
create index stream_events_at on stream_events (at);
create function stream_events_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('stream_events', '');
  return null;
end $$;
create trigger stream_events_notify after insert on stream_events for each statement execute function stream_events_notify();
create function inbox_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('inbox', '');
  return null;
end $$;
create trigger inbox_notify after insert on inbox for each statement execute function inbox_notify();

-- Results of a workflow's steps: a repeat of a step finds its own result.
create table step_results (
  call_id uuid not null references calls (id) on delete cascade,
  key text not null,
  result jsonb not null,
  at timestamptz not null default now(),
  primary key (call_id, key)
);

-- Settings ------------------------------------------------------------------------------------------------------------

create table settings (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null default now()
);

create table sla_targets (
  channel text primary key,
  first_reply_seconds integer check (first_reply_seconds > 0),
  any_reply_seconds integer check (any_reply_seconds > 0),
  close_seconds integer check (close_seconds > 0)
);
insert into sla_targets (channel, first_reply_seconds, any_reply_seconds, close_seconds) values
  ('call', null, null, 86400), ('email', 14400, 14400, 259200), ('chat', 300, 300, 86400), ('web', 14400, 14400, 259200),
  ('messenger', 900, 900, 86400), ('social', 3600, 3600, 259200);

create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  agent_id uuid,
  address text,
  action text not null,
  subject text,
  detail jsonb not null default '{}'
);
create index audit_log_at on audit_log (at);
