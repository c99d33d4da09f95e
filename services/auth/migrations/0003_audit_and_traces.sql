alter table auth.keys
  add column created_by text not null default '',
  add column ended_by text not null default '',
  add column replaced_by text not null default '',
  -- a whole minute
  add column last_used_at timestamptz;

-- The chain of changes. The head row is locked by each change, so the chain has one order; it also tells a missing end.
create table auth.audit_head (
  only_row boolean primary key default true check (only_row),
  sequence bigint not null,
  hash bytea not null
);
insert into auth.audit_head (sequence, hash) values (0, '');

create table auth.audit (
  sequence bigint primary key,
  -- epoch milliseconds, so that what is hashed is what is stored
  at_ms bigint not null,
  actor text not null,
  address text not null,
  action text not null,
  account_id text not null,
  key_id text not null,
  details text not null,
  hash bytea not null
);
create index audit_of_account on auth.audit (account_id, sequence desc);

-- Hashes of keys that were reported as leaked and not yet looked at.
create table auth.leak_reports (
  key_hash bytea primary key,
  reporter text not null,
  address text not null,
  reported_at timestamptz not null default now()
);
