-- Links that sign a person in once, made by an operator. Only the SHA-256 of a token is kept.
create table auth.sign_in_links (
  token_hash bytea primary key,
  account_id text not null references auth.accounts,
  expires_at timestamptz not null
);
create index sign_in_links_old on auth.sign_in_links (expires_at);
