-- How much was known when the call was last written: a worker that was held up, and comes later knowing less, changes nothing.
alter table calls add column projection_rank bigint not null default 0;
