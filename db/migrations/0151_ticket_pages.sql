-- A page of one assignee's or one customer's tickets in the order of their ids, wherever it lies, is read off an index alone.
create index tickets_by_assignee on tickets (assignee_id, id);
create index tickets_by_customer on tickets (customer_id, id);
