-- What an agent's browser sends twice because the first answer was lost is made once. Rows older than a day are of no use.
create table made_once (
  agent_id uuid not null references agents (id),
  request_id uuid not null,
  kind text not null check (kind in ('ticket', 'message')),
  made_id bigint not null,
  at timestamptz not null default clock_timestamp(),
  primary key (agent_id, kind, request_id)
);
