-- A PHC string; null for accounts that an operator made and nobody can sign in to.
alter table auth.accounts add column password_hash text;

create table auth.sessions (
  token_hash bytea primary key,
  account_id text not null references auth.accounts,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_of_account on auth.sessions (account_id);

-- Failed sign-ins by subject: an address, an e-mail, or the two together; each as a hash, in windows of 15 minutes.
create table auth.sign_in_failures (
  subject bytea not null,
  time_window bigint not null,
  failures integer not null,
  primary key (subject, time_window)
);
create index sign_in_failures_old on auth.sign_in_failures (time_window);

-- From where an account was signed in to before, as hashes: these cannot be locked out by strangers.
create table auth.known_addresses (
  account_id text not null references auth.accounts,
  address_hash bytea not null,
  last_at timestamptz not null,
  primary key (account_id, address_hash)
);
