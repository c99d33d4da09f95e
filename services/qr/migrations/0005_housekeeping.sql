-- What housekeeping looks for, in tables whose keys begin otherwise.
create index on qr.scan_hours (hour);
create index on qr.scan_days (day);
create index on qr.scan_dimensions (day);
create index on qr.codes (account_id, logo_id) where logo_id <> '';

-- Logos that no code has are removed when nobody has named them for a day.
alter table qr.logos rename column created_at to named_at;
create index on qr.logos (named_at);
