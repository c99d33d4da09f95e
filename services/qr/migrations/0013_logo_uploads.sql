-- When a logo was stored, for lists of logos, newest first. Those that are there get the time of this migration.
alter table qr.logos add column created_at timestamptz not null default date_trunc('milliseconds', now());
create index logos_newest on qr.logos (account_id, created_at desc, logo_id desc);
