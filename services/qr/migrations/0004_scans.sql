-- Single scans, by month: only to know those that have been counted. The counts are in the tables below.
alter table qr.scans rename to scans_before;
create table qr.scans (
  scan_id uuid not null,
  code_id text not null,
  scanned_at timestamptz not null,
  device text not null default 'unknown',
  country text not null default 'unknown',
  referrer text not null default 'direct',
  -- 8 bytes of a hash with the day's salt; null if not known
  visitor bytea,
  primary key (scan_id, scanned_at)
) partition by range (scanned_at);
-- For times for which there is no month.
create table qr.scans_other partition of qr.scans default;
insert into qr.scans (scan_id, code_id, scanned_at) select scan_id, code_id, scanned_at from qr.scans_before;
drop table qr.scans_before;

alter table qr.scan_days add column visitors bigint not null default 0;

create table qr.scan_dimensions (
  code_id text not null references qr.codes,
  day date not null,
  dimension text not null check (dimension in ('device', 'country', 'referrer')),
  value text not null,
  scans bigint not null,
  primary key (code_id, day, dimension, value)
);

-- Who has scanned a code on a day; of no use once the day's salt is gone, and removed then.
create table qr.scan_visitors (
  code_id text not null,
  day date not null,
  visitor bytea not null,
  primary key (code_id, day, visitor)
);
create index scan_visitors_day on qr.scan_visitors (day);

create table qr.visitor_salts (
  day date primary key,
  salt bytea not null
);
