-- The ticket list in the order of its customers' names walks along them, those who were erased included.
create index customers_order on customers (lower(full_name), id);
