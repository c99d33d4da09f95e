-- Active codes by account, changed in the transaction of each change to its codes. A row is locked before those codes.
create table qr.code_counts (
  account_id text primary key,
  active bigint not null
);
insert into qr.code_counts (account_id, active)
select account_id, count(*) from qr.codes where status = 'active' group by account_id;
