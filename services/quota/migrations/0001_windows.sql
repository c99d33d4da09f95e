-- One row per account, both windows in it. Windows are named by their number since the Unix epoch (minute = seconds/60,
-- day = seconds/86400), in the database's time. The columns from `asked` on are the last statement's question and answer.
create table quota.windows (
  account_id text primary key,
  minute bigint not null,
  minute_used bigint not null,
  day bigint not null,
  day_used bigint not null,
  cost bigint not null,
  asked bigint not null,
  per_minute bigint not null,
  per_day bigint not null,
  admitted bigint not null
) with (fillfactor = 50);
