-- What came last of each kind, per PBX account: the self-test asks for it by kind.
create index inbox_kind on inbox (integration_id, path, received_at desc) where source = 'pbx';

-- Test calls ordered by an admin from an integration's page. The number dialled is not kept: the PBX's events tell the rest.
create table test_calls (
  id uuid primary key default gen_random_uuid(),
  integration_id uuid not null references integrations (id),
  command_id text not null unique,
  extension text not null,
  ordered_by uuid not null references agents (id),
  ordered_at timestamptz not null default clock_timestamp(),
  -- What the PBX answered to the command: accepted, refused or unknown, and why, as a code the interface puts into words.
  answered_at timestamptz,
  outcome text check (outcome in ('accepted', 'refused', 'unknown')),
  code text
);
create index test_calls_integration on test_calls (integration_id, ordered_at desc);
