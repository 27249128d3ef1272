-- The list sorted by status goes by the work that is left: open, pending, closed; not by the words' letters.
drop index tickets_by_status;
create index tickets_by_progress on tickets ((case status when 'open' then 0 when 'pending' then 1 else 2 end), id);
