create table auth.accounts (
  account_id text primary key,
  email text not null,
  plan text not null check (plan in ('free', 'pro', 'enterprise')),
  -- 0 is unlimited
  per_minute bigint not null check (per_minute >= 0),
  per_day bigint not null check (per_day >= 0),
  disabled boolean not null default false,
  created_at timestamptz not null default date_trunc('milliseconds', now()),
  constraint accounts_email_unique unique (email)
);
create index accounts_newest on auth.accounts (created_at desc, account_id desc);

create table auth.keys (
  key_id text primary key,
  account_id text not null references auth.accounts,
  name text not null,
  -- SHA-256 of the whole key, which is kept nowhere
  key_hash bytea not null,
  prefix text not null,
  last4 text not null,
  status text not null default 'active' check (status in ('active', 'rotated', 'revoked')),
  created_at timestamptz not null default date_trunc('milliseconds', now()),
  ended_at timestamptz,
  constraint keys_hash_unique unique (key_hash)
);
create index keys_of_account on auth.keys (account_id, created_at desc);
