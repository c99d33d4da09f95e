-- The log of what caches have to forget, and who holds a lease on them: see docs/lease.md.
create table auth.lease_head (
  only_row boolean primary key default true check (only_row),
  position bigint not null,
  -- names this log, so that none is mistaken for another
  log_id uuid not null default gen_random_uuid(),
  -- entries up to here are no longer in the log
  trimmed bigint not null
);
insert into auth.lease_head (position, trimmed) values (0, 0);

create table auth.lease_log (
  position bigint primary key,
  key text not null,
  logged_at timestamptz not null default now()
);

create index lease_log_age on auth.lease_log (logged_at);

create table auth.lease_holders (
  holder text primary key,
  renewal bigint not null,
  applied bigint,
  lease_ms bigint not null,
  renewed_at timestamptz not null
);
