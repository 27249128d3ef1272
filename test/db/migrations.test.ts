import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate, migrationNames } from '../../db/migrate.ts';
import { createPool } from '../../db/pool.ts';
import { messagesOf } from '../../db/messages.ts';
import { findTicketRow } from '../../db/ticket-list.ts';
import { serverUrl } from '../support/database.ts';

let url: string;
let client: pg.Client;
beforeEach(async () => {
  const name = `trubka_migrations_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${name}`);
  const address = new URL(serverUrl());
  address.pathname = `/${name}`;
  url = address.href;
  client = new pg.Client({ connectionString: url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await onServer(`drop database if exists ${new URL(url).pathname.slice(1)} with (force)`);
});

async function onServer(sql: string): Promise<void> {
  const server = new pg.Client({ connectionString: serverUrl() });
  await server.connect();
  await server.query(sql);
  await server.end();
}

const idOf = async (sql: string, values: readonly unknown[]): Promise<string> => {
  const { rows } = await client.query<{ id: string }>(`${sql} returning id`, [...values]);
  return rows[0]?.id ?? '';
};

/** What stands before there is any call: as the first version wrote it. */
async function firstThings(): Promise<{ integrationId: string; agentId: string }> {
  const integrationId = await idOf(
    `insert into integrations (kind, name, api_url, api_key_encrypted, api_salt_encrypted, api_key_hash) values ('mango', 'M', 'http://x', $1, $1, $1)`,
    [Buffer.from('x')],
  );
  const agentId = await idOf(`insert into agents (full_name, email, role) values ('Анна', 'anna@x.example', 'agent')`, []);
  await client.query(`insert into operators (integration_id, extension, agent_id) values ($1, '101', $2)`, [
    integrationId,
    agentId,
  ]);
  return { integrationId, agentId };
}

/** A whole call with the statements of the first version: its columns, and no others. Returns its ticket. */
async function callOfTheFirstVersion({ integrationId, agentId }: Awaited<ReturnType<typeof firstThings>>): Promise<string> {
  const entry = randomUUID();
  await client.query(
    `insert into inbox (source, integration_id, key, entry, path, body, raw, verdict) values ('pbx', $1, $2, $3, '/events/call', '{}', '{}', 'accepted')`,
    [integrationId, `leg:${entry}`, entry],
  );
  await client.query(`update inbox set verdict = 'delivered', delivered_at = now() where entry = $1`, [entry]);
  const customerId = await idOf(`insert into customers (full_name) values ('Иван')`, []);
  await client.query(`insert into customer_phones (customer_id, phone) values ($1, '+79161234567')`, [customerId]);
  const callId = await idOf(
    `insert into calls (integration_id, entry_id, workflow_id, direction, state, phone, customer_id, ended_at) values ($1, $2, $2, 'incoming', 'over', '+79161234567', $3, now())`,
    [integrationId, entry, customerId],
  );
  const ticketId = await idOf(
    `insert into tickets (subject, status, channel, kind, handset, phone, customer_id, assignee_id, automatic) values ('Входящий звонок', 'open', 'call', 'incoming', 'green', '+79161234567', $1, $2, true)`,
    [customerId, agentId],
  );
  const conversationId = `${callId}.1`;
  await client.query(
    `insert into conversations (id, call_id, ordinal, agent_id, direction, outcome, ticket_id, made_by, started_at, answered_at, ended_at, talk_seconds)
     values ($1, $2, 1, $3, 'incoming', 'talked', $4, 'auto', now(), now(), now(), 5)`,
    [conversationId, callId, agentId, ticketId],
  );
  await client.query(
    `insert into messages (ticket_id, type, author_type, author_id, body, conversation_id) values ($1, 'reply', 'agent', $2, 'Суть', $3)`,
    [ticketId, agentId, conversationId],
  );
  await client.query(
    `insert into recordings (call_id, recording_id, conversation_id, state, bytes, sha256) values ($1, 'r1', $2, 'ready', 5, 'x')`,
    [callId, conversationId],
  );
  await client.query(
    `insert into ticket_events (ticket_id, type, channel, kind, actor_type, call_id, conversation_id) values ($1, 'created', 'call', 'incoming', 'system', $2, $3)`,
    [ticketId, callId, conversationId],
  );
  await client.query(`update tickets set status = 'closed', closed_at = now(), updated_at = now() where id = $1`, [ticketId]);
  await client.query(`insert into stream_events (ticket_id, type, payload) values ($1, 'ticket.changed', '{}')`, [ticketId]);
  return ticketId;
}

/** As workers before 0255 add up the customers' numbers of tickets: they know of no names. */
const ADDED_UP_WITHOUT_NAMES = `
  with changed as materialized (select distinct customer_id from customer_ticket_counts where is_change),
    gone as (
      delete from customer_ticket_counts c using changed where c.customer_id = changed.customer_id or (c.customer_id is null and changed.customer_id is null)
      returning c.customer_id, c.n)
  insert into customer_ticket_counts select customer_id, sum(n), false from gone group by 1 having sum(n) <> 0`;

describe('The schema grows', () => {
  test('from the first version on, step by step, with data in it, while the first version goes on writing', async () => {
    const [first = '', ...later] = await migrationNames();
    expect(await migrate(url, { upTo: first })).toEqual([first]);
    const things = await firstThings();
    const tickets = [await callOfTheFirstVersion(things)];
    for (const upTo of later) {
      expect(await migrate(url, { upTo })).toEqual([upTo]);
      tickets.push(await callOfTheFirstVersion(things));
      if (upTo >= '0232') await client.query(ADDED_UP_WITHOUT_NAMES);
    }
    expect(await migrate(url)).toEqual([]);
    const { rows: names } = await client.query('select distinct name from customer_ticket_counts where customer_id is not null');
    expect(names).toEqual([{ name: 'иван' }]);
    const db = createPool(url, { max: 1 });
    try {
      for (const ticketId of tickets) {
        const row = await findTicketRow(db, { agentId: '', role: 'admin', access: 'all' }, ticketId);
        expect(row).toMatchObject({ status: 'closed', kind: 'incoming', phone: '+79161234567' });
        const [message] = await messagesOf(db, ticketId);
        expect(message).toMatchObject({ body: 'Суть' });
      }
    } finally {
      await db.destroy();
    }
  });

  test.each(['55P03', '40P01'])('although an attempt ends for waiting for others (%s)', async (code) => {
    const [first = '', second = ''] = await migrationNames();
    await migrate(url, { upTo: first });
    // A sequence keeps its count when the attempt is undone.
    await client.query(`
      create sequence attempts;
      create function fail_once() returns trigger language plpgsql as $$
      begin
        if nextval('attempts') = 1 then
          raise exception 'waited' using errcode = '${code}';
        end if;
        return new;
      end $$;
      create trigger fail_once before insert on migrations for each row execute function fail_once()`);
    expect(await migrate(url, { upTo: second })).toEqual([second]);
    expect((await client.query(`select last_value::int as attempts from attempts`)).rows).toEqual([{ attempts: 2 }]);
  });

  test('once, when two starters race', async () => {
    const ran = await Promise.all([migrate(url), migrate(url)]);
    expect(ran.flat().sort()).toEqual(await migrationNames());
  });

  test('without anybody waiting long, although somebody holds a table that is to change', async () => {
    const [first = ''] = await migrationNames();
    await migrate(url, { upTo: first });
    const things = await firstThings();
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query('begin');
    // As a long report would: it keeps every change of these tables waiting, and nobody's writing.
    await holder.query('select from inbox, tickets, calls, recordings, agents, messages, conversations, ticket_events limit 1');
    const migrating = migrate(url);
    let longestMs = 0;
    for (const until = Date.now() + 5_000; Date.now() < until; await delay(50)) {
      const at = Date.now();
      await callOfTheFirstVersion(things);
      longestMs = Math.max(longestMs, Date.now() - at);
    }
    await holder.query('commit');
    await holder.end();
    expect((await migrating).length).toBeGreaterThan(0);
    // The patience of one attempt, and what a busy machine adds.
    expect(longestMs).toBeLessThan(10_000);
  });
});
