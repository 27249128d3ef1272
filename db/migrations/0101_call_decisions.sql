-- What a call's workflow decided beside tickets: cards, hand-overs, an end that makes nothing. Append-only, ids only; with the ticket's
-- record it is what the call's timeline is made of.
create table call_decisions (
  id bigint generated always as identity primary key,
  call_id uuid not null references calls (id) on delete cascade,
  at timestamptz not null default clock_timestamp(),
  what text not null,
  -- The rule's number in the specification (S12 …).
  rule text,
  -- The row of the inbox that led to it.
  inbox_id bigint,
  agent_id uuid
);
create index call_decisions_call on call_decisions (call_id, id);
create index recordings_call on recordings (call_id);
create index calls_merged on calls (merged_into) where merged_into is not null;
