import type { Transaction } from '../db/pool.ts';

export interface Scale {
  readonly tickets: number;
  /** Over how many days, up to now, they were created. */
  readonly days: number;
  readonly agents: number;
  readonly customers: number;
}

const CHANNEL = `case when c < 0.60 then 'call' when c < 0.80 then 'email' when c < 0.88 then 'chat'
  when c < 0.93 then 'web' when c < 0.98 then 'messenger' else 'social' end`;

/** One line per ticket with everything the rest is made of; created in working hours, in order of id. */
const PLAN = `
  create temporary table plan as
  select i as id, created, ${CHANNEL} as channel,
    case when c >= 0.60 then null when k < 0.50 then 'incoming' when k < 0.75 then 'outgoing' else 'missed' end as kind,
    agents[1 + floor(a * array_length(agents, 1))::int] as agent,
    agents[1 + floor(b * array_length(agents, 1))::int] as other,
    1 + floor(random() * :customers)::int as customer,
    60 * exp(1 + 3 * random()) as first_seconds, 60 * exp(2 + 4 * random()) as second_seconds, 3600 * exp(5 * random()) as close_seconds,
    random() as r1, random() as r2, random() as r3, random() as r4
  from (
    select i, random() as c, random() as k, random() as a, random() as b,
      date_trunc('day', now()) - make_interval(days => :days) + make_interval(
        days => floor((i - 1)::float8 / :tickets * :days)::int,
        secs => 3600 * (5 + 12 * (((i - 1)::float8 / :tickets * :days) - floor((i - 1)::float8 / :tickets * :days)))) as created
    from generate_series(1, :tickets) i) each,
    (select array_agg(id order by id) as agents from agents) staff`;

const AGENTS = `
  insert into agents (full_name, email, role, team)
  select 'Сотрудник ' || i, 'agent' || i || '@example.com', 'agent', 'Команда ' || (1 + i % 5) from generate_series(1, :agents) i`;

const CUSTOMERS = `
  insert into customers (id, full_name, company, search)
  select md5('customer' || i)::uuid, name, company, lower(name || ' ' || company || ' ' || phone)
  from (select i, 'Покупатель ' || i as name, 'Компания ' || (i % 1000) as company, '+7900' || lpad(i::text, 7, '0') as phone
    from generate_series(1, :customers) i) c`;

const PHONES = `
  insert into customer_phones (customer_id, phone)
  select md5('customer' || i)::uuid, '+7900' || lpad(i::text, 7, '0') from generate_series(1, :customers) i`;

/** Nine in ten tickets end closed; a tenth of those only after being opened again. */
const TICKETS = `
  insert into tickets (id, number, subject, status, channel, kind, handset, phone, customer_id, assignee_id, automatic, created_at, updated_at, closed_at)
  overriding system value
  select id, id, case when channel = 'call' then 'Входящий звонок с +7 900 ' || lpad(customer::text, 7, '0') else 'Вопрос о заказе ' || id end,
    case when r1 < 0.9 then 'closed' when r2 < 0.5 then 'open' else 'pending' end, channel, kind,
    case when channel = 'call' then case when kind = 'missed' and r3 < 0.5 then 'red' else 'green' end end,
    case when channel = 'call' then '+7900' || lpad(customer::text, 7, '0') end, md5('customer' || customer)::uuid, agent, r4 < 0.3,
    created, least(now(), created + make_interval(secs => close_seconds)),
    case when r1 < 0.9 then least(now(), created + make_interval(secs => close_seconds)) end
  from plan order by id`;

const CONVERSATIONS = `
  insert into conversations (id, call_id, ordinal, agent_id, direction, outcome, ticket_id, started_at, answered_at, ended_at)
  select 'c' || id, md5('call' || id)::uuid, 0, agent, case kind when 'outgoing' then 'outgoing' else 'incoming' end, 'talked', id,
    created, created, created + interval '2 minutes'
  from plan where channel = 'call' and (kind <> 'missed' or r3 < 0.4) order by id`;

/** Three each: what the customer says (or the talk), the answer, and another answer or a note. */
const MESSAGES = `
  insert into messages (id, ticket_id, type, author_type, author_id, body, automatic, conversation_id, writing_seconds, created_at)
  overriding system value
  select id * 3 + j - 3, id,
    case when j = 3 and r3 < 0.4 then 'note' else 'reply' end,
    case when channel <> 'call' and (j = 1 or (j = 2 and r2 < 0.2)) then 'customer' when channel = 'call' and j = 1 and r4 < 0.3 then 'system' else 'agent' end,
    case when channel <> 'call' and (j = 1 or (j = 2 and r2 < 0.2)) then null when j = 3 then other else agent end,
    'Текст сообщения ' || id || '/' || j, channel = 'call' and j = 1 and r4 < 0.3,
    case when channel = 'call' and j = 1 and (kind <> 'missed' or r3 < 0.4) then 'c' || id end,
    case when channel <> 'call' and j > 1 then (20 + 300 * r4)::int end,
    created + make_interval(secs => case j when 1 then 0.001 when 2 then first_seconds else first_seconds + second_seconds end)
  from plan, generate_series(1, 3) j order by id, j`;

/** Ten each, in the order of time, as they would have been written. */
const RECORD = `
  insert into ticket_events (ticket_id, at, type, channel, kind, assignee_id, actor_type, actor_id, is_work, message_id, conversation_id, data)
  select id, least(now(), at), type, channel, kind, case when step < 3 and r3 < 0.5 then null when step > 8 then other else agent end,
    actor, case when actor = 'agent' then case when step in (6, 7) then other else agent end end, actor = 'agent' and type <> 'recording',
    case when type in ('reply', 'note', 'recording') then id * 3 - case step when 3 then 2 when 4 then 1 else 0 end end,
    case when type = 'recording' then 'c' || id end, case when type = 'recording' then '{"talk": true}'::jsonb else '{}'::jsonb end
  from (
    select plan.*, step,
      case step when 1 then 'created' when 2 then 'assigned'
        when 3 then case when channel = 'call' and (kind <> 'missed' or r3 < 0.4) then 'recording' when channel = 'call' then 'missed' else 'reply' end
        when 4 then case when channel = 'call' then 'status' else 'reply' end
        when 5 then 'status' when 6 then case when r3 < 0.4 then 'note' else 'reply' end
        when 7 then 'subject' when 8 then case when r1 < 0.9 then 'closed' else 'status' end
        when 9 then case when r1 < 0.1 then 'reopened' else 'customer' end
        else case when r1 < 0.1 then 'closed' else 'linked' end end as type,
      case when step = 1 then case when channel = 'call' then 'system' else 'customer' end
        when step = 3 then case when channel = 'call' then 'system' else 'customer' end
        when step in (4, 6) then 'agent' when step in (2, 5, 8) and r2 < 0.5 then 'agent' when step = 7 and r4 < 0.5 then 'agent'
        else 'system' end as actor,
      created + make_interval(secs => case step when 1 then 0 when 2 then 1 when 3 then 120 when 4 then first_seconds when 5 then first_seconds + 1
        when 6 then first_seconds + second_seconds when 7 then first_seconds + second_seconds + 30 when 8 then close_seconds + first_seconds + second_seconds
        when 9 then close_seconds * 2 + first_seconds + second_seconds else close_seconds * 3 + first_seconds + second_seconds end) as at
    from plan, generate_series(1, 10) step) steps
  order by at`;

/** Fills an empty, migrated database: three messages and ten lines of the record to each ticket. */
export async function fill(trx: Transaction, scale: Scale): Promise<void> {
  const bindings = { ...scale };
  // Triggers would keep search texts and the list of stale facts; both are filled wholesale instead.
  await trx.raw(`set local session_replication_role = replica; set local statement_timeout = 0; set local work_mem = '512MB'`);
  for (const statement of [AGENTS, CUSTOMERS, PHONES, PLAN, TICKETS, CONVERSATIONS, MESSAGES, RECORD])
    await trx.raw(statement, bindings);
  await trx.raw(
    `
    select setval(pg_get_serial_sequence('tickets', 'id'), :tickets), setval(pg_get_serial_sequence('tickets', 'number'), :tickets),
      setval(pg_get_serial_sequence('messages', 'id'), :tickets * 3)`,
    bindings,
  );
  await trx.raw('insert into ticket_counts select status, channel, kind, assignee_id, count(*) from tickets group by 1, 2, 3, 4');
  await trx.raw(`insert into customer_ticket_counts (customer_id, name, n, is_change)
     select t.customer_id, lower(c.full_name), count(*), false from tickets t left join customers c on c.id = t.customer_id group by 1, 2`);
}
