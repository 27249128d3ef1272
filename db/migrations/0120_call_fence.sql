-- How much the workflow knew when it last wrote, and in which of its runs: a worker that was held up, and comes later with decisions from
-- before, is refused.
alter table calls add column fence bigint not null default 0;
alter table calls add column fence_run text;
