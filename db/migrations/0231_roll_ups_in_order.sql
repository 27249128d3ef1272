-- What was rolled up wholesale came in no order, so that a month of it lay on all pages. Triggers append in the order of time.
set local statement_timeout = 0;
set local maintenance_work_mem = '256MB';
cluster statistics_work_quarters using statistics_work_quarters_pkey;
cluster statistics_work_days using statistics_work_days_day_agent_id_channel_incoming_key;
analyze statistics_work_quarters;
analyze statistics_work_days;
