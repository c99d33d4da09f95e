-- The secrets that sign page tokens: one row, the current one and the one before.
create table auth.page_token_secrets (
  only_row boolean primary key default true check (only_row),
  current bytea not null,
  previous bytea not null,
  rotated_at timestamptz not null default now()
);
