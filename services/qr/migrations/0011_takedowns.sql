-- Accounts as auth has handed them over; an account without a row is enabled.
create table qr.account_states (
  account_id text primary key,
  disabled boolean not null,
  -- of the state; a lower one is ignored
  revision bigint not null
);

-- Codes that the operator took down. They are archived meanwhile.
alter table qr.codes
  add column taken_down_at timestamptz,
  add column takedown_reason text not null default '',
  -- the status that a code gets when it is put back
  add column status_before_takedown text,
  -- of the state; a lower one is ignored
  add column takedown_revision bigint not null default 0;
