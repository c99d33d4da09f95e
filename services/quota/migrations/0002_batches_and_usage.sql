-- The order of account ids in which statements lock rows is that of their bytes, whatever the database's locale.
alter table quota.windows alter column account_id type text collate "C";

-- The day before this row's, once it is over: moved to quota.days by the statement that begins the new one.
alter table quota.windows add column prev_day bigint, add column prev_day_used bigint;

-- What charging statements answered, for as long as a batch that was in them may be repeated.
create table quota.statements (
  statement_id uuid primary key,
  -- A text with a row for each run, in the order of account ids: minute, minute used, day, day used, admitted.
  outcomes text not null,
  decided_ms bigint not null,
  expires_at timestamptz not null
);
alter table quota.statements alter column outcomes set storage external;
create index on quota.statements (expires_at);

-- Which batches have been counted. Those charged by a statement have its id and where in it they are: for each of the
-- batch's runs the place of the statement's run, and how many of that run's requests come before.
create table quota.batches (
  batch_id uuid primary key,
  -- CRC-32 of the requests: a batch that is repeated must hold the same
  requests_crc bigint,
  statement_id uuid,
  layout text,
  expires_at timestamptz not null
);
create index on quota.batches (expires_at);

-- Units used on days that are over; the running day is in quota.windows.
create table quota.days (
  account_id text collate "C" not null,
  day bigint not null,
  used bigint not null,
  primary key (account_id, day)
);
create index on quota.days (day);

-- Units admitted and refused by key and day.
create table quota.key_days (
  account_id text collate "C" not null,
  day bigint not null,
  key_id text collate "C" not null,
  admitted bigint not null,
  refused bigint not null,
  primary key (account_id, day, key_id)
);
create index on quota.key_days (day);
