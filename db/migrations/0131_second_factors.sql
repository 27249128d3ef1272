-- When an agent's second factor was proved for the first time; null: signing in takes the password alone.
alter table agents add column second_factor_at timestamptz;

-- A secret shared with somebody's authenticator; begun only, as long as the agent has no `second_factor_at`.
create table second_factors (
  agent_id uuid primary key references agents (id) on delete cascade,
  secret_encrypted bytea not null,
  created_at timestamptz not null default now(),
  -- The time step of the last code taken: no code is taken twice.
  last_step bigint not null default 0,
  failures integer not null default 0,
  failures_since timestamptz not null default now()
);

create table recovery_codes (
  agent_id uuid not null references agents (id) on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (agent_id, code_hash)
);
