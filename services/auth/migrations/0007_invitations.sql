-- Invitations to make an account. An address has one at most: a new one takes the place of the one before.
create table auth.invitations (
  -- of the account that accepting it makes
  account_id text primary key,
  email text not null,
  -- SHA-256 of the token, which is kept nowhere
  token_hash bytea not null,
  plan text not null check (plan in ('free', 'pro', 'enterprise')),
  per_minute bigint not null check (per_minute >= 0),
  per_day bigint not null check (per_day >= 0),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  constraint invitations_email_unique unique (email),
  constraint invitations_token_unique unique (token_hash)
);
create index invitations_old on auth.invitations (expires_at);
