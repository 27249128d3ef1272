-- What is called for every event of every call, in plpgsql: its statements are planned once in a connection, where a function in SQL is
-- planned anew each time it is called, which took longer than what it does. The bodies are those of 0070 and 0150.
create or replace function customer_view(of_customer uuid) returns jsonb language plpgsql stable as $$
begin
  return (select jsonb_build_object(
    'id', c.id, 'fullName', c.full_name, 'company', c.company, 'note', c.note, 'customFields', c.custom_fields,
    'phones', coalesce((select jsonb_agg(phone order by position, phone) from customer_phones where customer_id = c.id), '[]'),
    'emails', coalesce((select jsonb_agg(email order by position, email) from customer_emails where customer_id = c.id), '[]'))
  from customers c where c.id = of_customer);
end $$;

create or replace function live_call(card call_cards) returns jsonb language plpgsql stable as $$
begin
  return (select jsonb_build_object(
    'callId', card.call_id, 'conversationId', card.conversation_id, 'direction', card.direction, 'state', card.state,
    'phone', call.phone, 'line', call.line, 'commandId', call.command_id,
    'customer', customer_view(call.customer_id),
    -- Several customers have the number: the agent has the choice (S1).
    'candidates', case when call.customer_id is null and call.phone is not null then
      (select case when count(*) > 1 then jsonb_agg(customer_view(c.id) order by c.full_name) else '[]' end
        from customer_phones p join customers c on c.id = p.customer_id where p.phone = call.phone) else '[]' end,
    'ticketId', coalesce((select ticket_id from conversations where id = card.conversation_id), call.ticket_id)::text,
    'draft', (select jsonb_build_object('subject', subject, 'gist', gist) from drafts where conversation_id = card.conversation_id),
    'startedAt', iso_time(card.started_at), 'answeredAt', iso_time(card.answered_at))
  from calls call where call.id = card.call_id);
end $$;

create or replace function ticket_refresh_waiting(ticket bigint) returns void language plpgsql as $$
begin
  update tickets t set waiting_since = w.since
  from (
    select min(m.started_at) as since from conversations m
    where m.ticket_id = ticket and m.outcome = 'missed' and m.started_at > coalesce(
      (select max(k.answered_at) from conversations k where k.ticket_id = ticket and k.outcome in ('in_progress', 'talked')),
      '-infinity')
  ) w
  where t.id = ticket and t.kind = 'missed' and t.waiting_since is distinct from w.since;
end $$;
