create table qr.projects (
  project_id text primary key,
  account_id text not null,
  name text not null,
  description text not null default '',
  is_default boolean not null default false,
  created_via text not null check (created_via in ('api', 'dashboard')),
  created_at timestamptz not null default date_trunc('milliseconds', now()),
  updated_at timestamptz not null default date_trunc('milliseconds', now())
);
create index projects_of_account on qr.projects (account_id, created_at desc, project_id desc);
create unique index projects_one_default on qr.projects (account_id) where is_default;

create table qr.codes (
  code_id text primary key,
  account_id text not null,
  project_id text not null references qr.projects,
  name text not null,
  slug text not null,
  status text not null default 'active' check (status in ('active', 'archived')),
  redirect_url text not null,
  foreground text not null,
  background text not null,
  -- counts edits; names the revision in ETags
  revision bigint not null default 1,
  created_at timestamptz not null default date_trunc('milliseconds', now()),
  updated_at timestamptz not null default date_trunc('milliseconds', now()),
  constraint codes_slug_unique unique (slug)
);
create index codes_of_account on qr.codes (account_id, created_at desc, code_id desc);
create index codes_of_project on qr.codes (project_id, created_at desc, code_id desc);

create table qr.scans (
  scan_id uuid primary key,
  code_id text not null references qr.codes,
  scanned_at timestamptz not null
);

create table qr.scan_hours (
  code_id text not null references qr.codes,
  hour timestamptz not null,
  scans bigint not null,
  primary key (code_id, hour)
);

create table qr.scan_days (
  code_id text not null references qr.codes,
  day date not null,
  scans bigint not null,
  primary key (code_id, day)
);
