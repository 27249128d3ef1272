-- When somebody stopped a call's workflow before the call was over: its tickets say that the end is not fully known.
alter table calls add column stopped_at timestamptz;
create index recordings_pending on recordings (call_id) where state = 'pending';
