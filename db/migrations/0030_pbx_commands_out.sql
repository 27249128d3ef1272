-- What the product owes the PBX: its request quota, its invalid-request lock-out, and never sending one command twice.
-- No foreign keys: an account is tested before it is stored.

-- When the next request of a kind may leave. Shared by all processes; only Postgres' clock counts.
create table pbx_slots (
  integration_id uuid not null,
  method_group text not null,
  next_at timestamptz not null,
  primary key (integration_id, method_group)
);

-- Requests that the PBX called invalid (3xxx), could not find an object for, or met with a lock-out (401).
create table pbx_invalid_requests (
  id bigint generated always as identity primary key,
  integration_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  kind text not null check (kind in ('invalid', 'not_found', 'locked')),
  method_group text not null,
  code integer,
  -- Keyed hashes: the same request again, the same key and salt again.
  request_hash text not null,
  credentials_hash text not null,
  -- A lock-out that only «not found» answers can have caused: from then on these count as invalid requests.
  teaches boolean not null default false
);
create index pbx_invalid_requests_at on pbx_invalid_requests (integration_id, at);
create index pbx_invalid_requests_teaches on pbx_invalid_requests (integration_id) where teaches;

-- Commands that may never be sent twice: written before the first byte leaves.
create table pbx_commands (
  integration_id uuid not null,
  command_id text not null,
  sent_at timestamptz not null default clock_timestamp(),
  outcome jsonb,
  primary key (integration_id, command_id)
);
create index pbx_commands_sent_at on pbx_commands (sent_at);
