-- What became of subjects and messages in an erasure, so that the same can be ordered again by the log alone; null in lines of before, and
-- where a term ended.
alter table destruction_log add column texts text check (texts in ('erase', 'keep'));
