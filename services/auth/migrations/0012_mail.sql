-- Mails to be sent. A row is written in the transaction of its cause. None holds a token: it is made when the mail is sent.
create table auth.mails (
  mail_id text primary key,
  kind text not null,
  email text not null,
  -- of the account that the mail is about, or that its link will make
  account_id text not null,
  -- JSON, never with a secret
  details text not null,
  created_at timestamptz not null default now(),
  -- time of the next try
  due_at timestamptz not null default now(),
  tries integer not null default 0
);
create index mails_due on auth.mails (due_at);
create index mails_of_account on auth.mails (account_id);

-- Links that mails carry. Only the SHA-256 of a token is kept.
create table auth.mail_links (
  token_hash bytea primary key,
  purpose text not null check (purpose in ('sign-up', 'password-reset', 'email-change')),
  -- of an account, or of one that a sign-up link will make
  account_id text not null,
  -- where the mail was sent to
  email text not null,
  expires_at timestamptz not null
);
create index mail_links_of_account on auth.mail_links (account_id);
create index mail_links_of_email on auth.mail_links (email);
create index mail_links_old on auth.mail_links (expires_at);

-- Mails by recipient and requests by network, each as a hash, in whole hours.
create table auth.mail_counts (
  subject bytea not null,
  time_hour bigint not null,
  mails integer not null,
  primary key (subject, time_hour)
);
create index mail_counts_old on auth.mail_counts (time_hour);

-- Browsers and operating systems from which an account was signed in to, as hashes.
create table auth.known_browsers (
  account_id text not null references auth.accounts,
  browser_hash bytea not null,
  last_at timestamptz not null,
  primary key (account_id, browser_hash)
);
create index known_browsers_old on auth.known_browsers (last_at);

-- When the owner was asked to rotate the key.
alter table auth.keys add column rotation_noticed_at timestamptz;
create index keys_not_noticed on auth.keys (created_at) where status = 'active' and rotation_noticed_at is null;
