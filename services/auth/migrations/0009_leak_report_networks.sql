-- Where a report comes from (an IPv4 address, or the /64 of an IPv6 one), so that reporters are served in turn.
alter table auth.leak_reports add column network text not null default '';
