-- Months of single scans are made and dropped by functions of the owner, so that the service needs no right to change tables.
create function qr.create_scan_month(first date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
begin
  if extract(day from first) <> 1 or first > now() + interval '3 months' or first < now() - interval '3 months' then
    raise exception 'a month begins on its first day, and is one of this time: %', first using errcode = '22023';
  end if;
  execute format(
    'create table if not exists qr.%I partition of qr.scans for values from (%L) to (%L)',
    'scans_' || to_char(first, 'YYYY_MM'), first::timestamptz, (first + interval '1 month')::timestamptz
  );
end
$$;

create function qr.drop_scan_month(first date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
begin
  execute format('drop table if exists qr.%I', 'scans_' || to_char(first, 'YYYY_MM'));
end
$$;

revoke execute on function qr.create_scan_month(date), qr.drop_scan_month(date) from public;
