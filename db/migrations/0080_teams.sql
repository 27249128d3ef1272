-- The team an agent belongs to, by its name: statistics are filtered and broken down by it.
alter table agents add column team text check (team <> '');
