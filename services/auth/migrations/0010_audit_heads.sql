-- The days (UTC) for which a head of the audit trail was signed; the row is the claim of the replica that writes it.
create table auth.audit_heads (
  day date primary key,
  claimed_at timestamptz not null,
  written_at timestamptz
);
