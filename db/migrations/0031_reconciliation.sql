-- Up to when an account's calls have been compared with the PBX's statistics.
create table pbx_reconciliations (
  integration_id uuid primary key,
  reconciled_until timestamptz not null,
  ran_at timestamptz not null default clock_timestamp(),
  -- Of the last run: what was missing, and why it could not be done, as a code the interface puts into words.
  calls_seen integer not null default 0,
  events_added integer not null default 0,
  code text
);
