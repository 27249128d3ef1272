-- A session is named by its id wherever its token's hash has no business: in the stream that ends it, in the audit log.
alter table sessions add column id uuid not null default gen_random_uuid() unique;
create index sign_in_attempts_at on sign_in_attempts (at);
