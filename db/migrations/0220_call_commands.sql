-- Every command to the PBX for a call, and what came of it: accepted, refused, in doubt, or never there. Ids only; kept as long as the
-- call, while `pbx_commands` serves but to send none twice and is short-lived.
create table call_commands (
  id bigint generated always as identity primary key,
  call_id uuid not null references calls (id) on delete cascade,
  command_id text not null,
  what text not null check (what in ('callback', 'hang_up')),
  -- Who asked for it; null: the service.
  agent_id uuid,
  ordered_at timestamptz not null default clock_timestamp(),
  answered_at timestamptz,
  -- Null while nothing was heard.
  state text check (state in ('accepted', 'refused', 'unknown', 'not_sent')),
  -- Why, as a word the interface has a sentence for, and the PBX's own code.
  word text,
  code integer,
  unique (call_id, command_id)
);

insert into call_commands (call_id, command_id, what, agent_id, ordered_at, answered_at, state, word, code)
select c.id, c.command_id, 'callback', c.ordered_by, p.sent_at, p.sent_at, p.outcome ->> 'outcome', p.outcome ->> 'word', (p.outcome ->> 'code')::integer
from pbx_commands p join calls c on c.integration_id = p.integration_id and c.command_id = p.command_id
where p.outcome is null or p.outcome ->> 'outcome' in ('accepted', 'refused', 'unknown');
