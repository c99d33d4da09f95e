-- What is taken down: disabled accounts, and single codes. qr, which has the codes, is given each state until it has
-- confirmed it; the row is written in the transaction that decides the state.
create table auth.takedowns (
  account_id text not null,
  -- empty for all codes of the account
  code_id text not null,
  taken_down boolean not null,
  reason text not null default '',
  -- counts the states; qr ignores a state that is older than the one it has
  revision bigint not null default 1,
  -- the revision that qr has confirmed
  confirmed bigint not null default 0,
  changed_at timestamptz not null default now(),
  primary key (account_id, code_id)
);
create index takedowns_unconfirmed on auth.takedowns (changed_at) where confirmed < revision;

-- Accounts that are disabled already: their codes follow.
insert into auth.takedowns (account_id, code_id, taken_down) select account_id, '', true from auth.accounts where disabled;
