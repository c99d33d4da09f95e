-- Batches of scans that are counted, each by a hash of its scans' ids, for as long as one may come again.
create table qr.scan_batches (
  batch_id uuid primary key,
  counted_at timestamptz not null default now()
);
create index on qr.scan_batches (counted_at);
