-- What housekeeping looks for, in tables whose keys begin otherwise; rows come in the order of time.
create index on qr.scan_hours using brin (hour);
create index on qr.scan_days using brin (day);
create index on qr.scan_dimensions using brin (day);
create index on qr.codes (account_id, logo_id) where logo_id <> '';

-- Logos that no code has are removed when nobody has named them for a day.
alter table qr.logos rename column created_at to named_at;
create index on qr.logos (named_at);
