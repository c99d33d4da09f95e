-- Names the change at each position of the log, so that no position of a lost history is mistaken for one of this: see
-- docs/lease.md. The newest entry stays, so that the position of the head has a name too.
alter table qr.lease_log add column change_id uuid not null default gen_random_uuid();
insert into qr.lease_log (position, key)
select position, '' from qr.lease_head h
where not exists (select 1 from qr.lease_log l where l.position = h.position);

-- The run of the database server that this log was last used on; a new run may have lost the end of the history.
alter table qr.lease_head add column server_started_at timestamptz;
-- False while leases may run whose registrations were lost.
alter table qr.lease_head add column settled boolean not null default true;
