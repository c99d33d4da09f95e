create table qr.logos (
  account_id text not null,
  -- names the picture: the first 32 hex digits of its SHA-256
  logo_id text not null,
  png bytea not null,
  width int not null,
  height int not null,
  created_at timestamptz not null default now(),
  primary key (account_id, logo_id)
);

alter table qr.codes
  add column module_shape text not null default 'square' check (module_shape in ('square', 'dot', 'rounded')),
  add column finder_shape text not null default 'square' check (finder_shape in ('square', 'rounded', 'circle')),
  add column logo_id text not null default '',
  add column logo_size int not null default 20,
  add column caption text not null default '',
  -- when its symbol was last drawn and read back; null for codes from before that was done
  add column rendered_at timestamptz;

-- What was answered to requests with an idempotency key, stored in the transaction that did what they asked for.
create table qr.idempotency_keys (
  account_id text not null,
  key text not null,
  request_hash bytea not null,
  answer bytea not null,
  created_at timestamptz not null default now(),
  primary key (account_id, key)
);
create index idempotency_keys_age on qr.idempotency_keys (created_at);
