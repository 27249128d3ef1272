-- What led to a decision about an agent: the latest event that names them; of what is not known to name anybody, the latest of the call.
create function call_cause(known jsonb, agent uuid) returns bigint language sql immutable as $$
  select coalesce((known -> 'heardOf' ->> agent::text)::bigint, (known ->> 'inboxId')::bigint)
$$;

-- Writes what is known of a call now: its row, its conversations, and who has a card; and tells the agents' tabs what differs.
-- Full state each time, so a repeat writes the same.
--
-- Returns the call's row, and the conversations with a ticket, before and after, for the rules that follow; `overtaken` if whoever knew
-- more has written already; nothing at all if there is no such call. Asked to do it `alone`, it does nothing, and says `more`, where a
-- ticket would have to follow: that takes a transaction.
create or replace function call_project(of_call uuid, known jsonb, alone boolean) returns jsonb language plpgsql as $$
declare
  call calls;
  number text;
  owner uuid;
  before jsonb;
  card call_cards;
  shown call_cards;
  live jsonb;
  rule text;
begin
  select * into call from calls where id = of_call for update;
  if not found then
    return null;
  end if;
  if alone and (known -> 'withdrawn' <> '[]'
      or exists (select from conversations where call_id = of_call and ticket_id is not null)
      or jsonb_path_exists(known, '$.conversations[*].ticketId ? (@ != null)')) then
    return '{"more": true}';
  end if;
  if (known ->> 'rank')::bigint < call.projection_rank then
    return jsonb_build_object('overtaken', true, 'call', to_jsonb(call) - 'view');
  end if;

  -- S1: the caller is recognised if the number belongs to exactly one customer, several are left to the agent's choice.
  number := coalesce((select n.number from call_numbers n where n.call_id = of_call and n.ref = (known ->> 'customer')::integer), call.phone);
  if call.customer_id is null and number is not null then
    select case when count(*) = 1 then min(customer_id::text)::uuid end into owner from customer_phones where phone = number;
  end if;
  update calls set direction = known ->> 'direction', state = case when (known ->> 'over')::boolean then 'over' else 'active' end,
    phone = number, customer_id = coalesce(customer_id, owner), flags = known -> 'flags',
    started_at = coalesce((known ->> 'startedAt')::timestamptz, started_at), ended_at = (known ->> 'endedAt')::timestamptz,
    projection_rank = coalesce((known ->> 'rank')::bigint, projection_rank)
  where id = of_call returning * into call;
  if owner is not null then
    update conversations set customer_id = owner where call_id = of_call;
  end if;

  rule := case when call.command_id is null then 'rule' else 'ruleOfCallback' end;
  select coalesce(jsonb_object_agg(id, to_jsonb(c)), '{}') into before from conversations c where call_id = of_call;
  insert into conversations (id, call_id, ordinal, agent_id, direction, outcome, ticket_id, made_by, customer_id, phone, started_at,
    answered_at, ended_at, answered_seen_at, ended_seen_at, talk_seconds, handed_over_to, reconciled)
  select now.id, of_call, now.ordinal, now."agentId", now.direction, now.outcome, now."ticketId",
    case when now."ticketId" is not null then 'callback' end, call.customer_id, call.phone, now."startedAt", now."answeredAt",
    now."endedAt", now."answeredSeenAt", now."endedSeenAt", now."talkSeconds", now."handedOverTo", now.reconciled
  from jsonb_to_recordset(known -> 'conversations') as now (id text, ordinal integer, "agentId" uuid, direction text, outcome text,
    "ticketId" bigint, "startedAt" timestamptz, "answeredAt" timestamptz, "endedAt" timestamptz, "answeredSeenAt" timestamptz,
    "endedSeenAt" timestamptz, "talkSeconds" integer, "handedOverTo" uuid, reconciled boolean)
  on conflict (id) do update set direction = excluded.direction, outcome = excluded.outcome, started_at = excluded.started_at,
    answered_at = excluded.answered_at, ended_at = excluded.ended_at, answered_seen_at = excluded.answered_seen_at,
    ended_seen_at = excluded.ended_seen_at, talk_seconds = excluded.talk_seconds, handed_over_to = excluded.handed_over_to,
    reconciled = excluded.reconciled, customer_id = excluded.customer_id, phone = excluded.phone;
  -- What looked like a conversation was none: it leaves nothing, unless an agent has made a ticket of it meanwhile.
  if known -> 'withdrawn' <> '[]' then
    delete from conversations where call_id = of_call and known -> 'withdrawn' ? id and ticket_id is null;
    update conversations set outcome = 'unanswered', ended_at = now()
    where call_id = of_call and known -> 'withdrawn' ? id and outcome = 'in_progress';
  end if;
  insert into call_decisions (call_id, what, rule, inbox_id, agent_id)
  select of_call, 'handed_over', 'S5', call_cause(known, handed_over_to), handed_over_to from conversations
  where call_id = of_call and handed_over_to is not null
    and handed_over_to::text is distinct from before -> id ->> 'handed_over_to'
  order by ordinal;

  for card in select * from call_cards k where call_id = of_call
      and not exists (select from jsonb_array_elements(known -> 'cards') c where c ->> 'agentId' = k.agent_id::text) order by agent_id loop
    live := live_call(card);
    delete from call_cards where call_id = of_call and agent_id = card.agent_id;
    insert into stream_events (type, agent_id, payload) values ('call.ended', card.agent_id, live || '{"state": "ended"}');
    insert into call_decisions (call_id, what, rule, inbox_id, agent_id)
    values (of_call, 'card_gone', known -> 'goneBy' ->> case when card.direction = 'outgoing' and call.command_id is not null then 'callback' else card.direction end,
      call_cause(known, card.agent_id), card.agent_id);
  end loop;

  for card in select of_call, now."agentId", now.state, now."conversationId", now.direction, now."startedAt", now."answeredAt"
      from jsonb_to_recordset(known -> 'cards') as now ("agentId" uuid, state text, "conversationId" text, direction text,
        "startedAt" timestamptz, "answeredAt" timestamptz) loop
    select * into shown from call_cards where call_id = of_call and agent_id = card.agent_id;
    continue when shown.state = card.state and shown.conversation_id is not distinct from card.conversation_id;
    if shown.state is distinct from card.state then
      insert into call_decisions (call_id, what, rule, inbox_id, agent_id)
      values (of_call, 'card_' || card.state, (select c ->> rule from jsonb_array_elements(known -> 'cards') c
        where c ->> 'agentId' = card.agent_id::text limit 1), call_cause(known, card.agent_id), card.agent_id);
    end if;
    insert into call_cards select card.* on conflict (call_id, agent_id) do update set state = excluded.state,
      conversation_id = excluded.conversation_id, direction = excluded.direction, started_at = excluded.started_at,
      answered_at = excluded.answered_at;
    insert into stream_events (type, agent_id, payload)
    values (case card.state when 'talking' then 'call.answered' else 'call.' || card.state end, card.agent_id, live_call(card));
  end loop;

  return jsonb_build_object('call', to_jsonb(call) - 'view', 'ticketed', (
    select coalesce(jsonb_agg(jsonb_build_object('before', before -> id, 'after', to_jsonb(c)) order by ordinal), '[]')
    from conversations c where call_id = of_call and ticket_id is not null
      and exists (select from jsonb_array_elements(known -> 'conversations') now where now ->> 'id' = c.id)));
end $$;
