-- What agents, the system and the reconciliation put into the inbox is little beside the PBX's events, and may lie far back.

create index inbox_by_source on inbox (source, received_at, id) where source <> 'pbx';
