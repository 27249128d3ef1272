-- Orders of the ticket list that an index alone gives: of an expression it does so only if it holds the column, too.
drop index tickets_by_subject;
create index tickets_by_subject on tickets (lower(subject), id) include (subject);
create index tickets_by_number on tickets (number, id);
