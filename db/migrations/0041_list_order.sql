-- Lists are read in the order of an index, however long they are.
create index customers_name on customers (lower(full_name), id) where erased_at is null;
create index tickets_by_subject on tickets (lower(subject), id);
create index tickets_by_status on tickets (status, id);
