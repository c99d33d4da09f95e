-- The places of a charged batch's requests whose units were given back; null while none was.
alter table quota.batches add column refunded integer[];
-- In quota.batches, `layout` has the batch's shares of its statement: for each of its accounts the row, and how many
-- requests of that row come before. A batch without a statement was settled in another way: recorded, or given back before
-- it was charged.
