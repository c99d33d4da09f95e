-- Who was signed in by an operator's link has perhaps forgotten the password, and may set another without it.
alter table auth.sessions add column by_link boolean not null default false;
