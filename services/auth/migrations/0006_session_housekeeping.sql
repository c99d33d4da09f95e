-- What housekeeping looks for.
create index sessions_old on auth.sessions (expires_at);
create index known_addresses_old on auth.known_addresses (last_at);
