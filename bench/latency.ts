import { randomUUID } from 'node:crypto';
import { atRate, pause, spreadOf, type Spread } from './measure.ts';
import { BenchCall } from './pbx-events.ts';
import { processorTimes, processorTimesPerCall, type ProcessorTimes } from './processor.ts';
import type { Stage } from './stage.ts';
import { openStreams, type Streams } from './streams-of-agents.ts';

/** The aim for a card at half of what is kept up with, whatever else is open or stored. */
export const CARD_P95_MS = 150;

const WARM_SECONDS = 5;
/** Every so many calls, the agent makes a ticket while they talk. */
const TICKET_EVERY = 5;

export interface Latency {
  readonly rate: number;
  /** Webhooks answered. */
  readonly ack: Spread;
  /** From the webhook to `call.ringing` at the agent's connection. */
  readonly card: Spread;
  readonly delivered: Spread;
  readonly written: Spread;
  /** From the agent's «Создать» to the ticket, read. */
  readonly ticket: Spread;
  /** Processor time of one whole call, milliseconds, by process. */
  readonly cost: ProcessorTimes;
  /** From the last call's beginning until every call was over, its ticket made, seconds. */
  readonly settledAfter: number;
}

/** Every call is over and has been written down. */
async function untilSettled(stage: Stage): Promise<void> {
  for (;;) {
    const { rows } = await stage.db.raw<{ rows: { open: boolean }[] }>(
      `select exists (select from calls where state <> 'over') as open`,
    );
    if (rows[0]?.open === false) return;
    await pause(200);
  }
}

/** The agent creates a ticket for the talk; milliseconds until they can read it. */
async function createTicket(stage: Stage, streams: Streams, phone: string, cookie: string): Promise<number> {
  const { data } = await streams.first('call.answered', phone);
  const actionId = randomUUID();
  const body = { actionId, type: 'create_ticket', conversationId: data['conversationId'], subject: 'Bench', gist: '' };
  const headers = { cookie, 'content-type': 'application/json' };
  const startedAt = performance.now();
  const address = `${stage.url}/api/calls/${String(data['callId'])}/actions`;
  const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.status !== 202) throw new Error(`create_ticket was answered ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
  const done = await streams.first('action.done', actionId);
  const ticket = await fetch(`${stage.url}/api/tickets/${String(done.data['ticketId'])}`, { headers: { cookie } });
  if (ticket.status !== 200) throw new Error(`The ticket was answered ${ticket.status}`);
  await ticket.arrayBuffer();
  return performance.now() - startedAt;
}

let calls = 0;

/** Whole calls at a steady rate: ring, answer, end, summary; each webhook's answer and each card's arrival are timed. */
export async function measureLatency(stage: Stage, rate: number, seconds: number): Promise<Latency> {
  const streams = await openStreams(stage);
  const [acks, cards, tickets]: [number[], number[], number[]] = [[], [], []];
  const from = calls;
  let lastAt = 0;
  const one = async (counts: boolean): Promise<void> => {
    const index = calls++;
    const agent = stage.agents[index % stage.agents.length];
    if (!agent) throw new Error('There are no agents');
    const call = new BenchCall(stage.url, agent.extension, index);
    const startedAt = performance.now();
    lastAt = startedAt;
    const ack = await call.leg('Appeared');
    const card = (await streams.first('call.ringing', call.phone)).at - startedAt;
    const connected = await call.leg('Connected');
    const made = index % TICKET_EVERY === 0 ? await createTicket(stage, streams, call.phone, agent.cookie) : null;
    const rest = [connected, await call.leg('Disconnected'), await call.summary()];
    if (!counts) return;
    acks.push(ack, ...rest);
    cards.push(card);
    if (made !== null) tickets.push(made);
  };
  await atRate(rate, WARM_SECONDS, () => one(false));
  await untilSettled(stage);
  const before = processorTimes(stage);
  await atRate(rate, seconds, () => one(true));
  await untilSettled(stage);
  const settledAfter = Math.round((performance.now() - lastAt) / 100) / 10;
  const after = processorTimes(stage);
  const cost = processorTimesPerCall(before, after, cards.length);
  streams.close();
  const spreads = { ack: spreadOf(acks), card: spreadOf(cards), ticket: spreadOf(tickets) };
  return { rate, ...spreads, ...(await stations(stage, from)), cost, settledAfter };
}

/** Where a card's time goes: in the inbox until Temporal has the event, and until the stream's row is written. */
async function stations(stage: Stage, from: number): Promise<{ delivered: Spread; written: Spread }> {
  const { rows } = await stage.db.raw<{ rows: { delivered: number; written: number }[] }>(
    `select extract(epoch from i.delivered_at - i.received_at) * 1000 as delivered,
       extract(epoch from s.at - i.received_at) * 1000 as written
     from stream_events s join calls c on c.id = (s.payload ->> 'callId')::uuid
     join inbox i on i.entry = c.entry_id and i.body ->> 'call_state' = 'Appeared'
     where s.type = 'call.ringing' and c.phone >= ?`,
    [`+${new BenchCall('', '', from).phone}`],
  );
  return {
    delivered: spreadOf(rows.map((row) => Number(row.delivered))),
    written: spreadOf(rows.map((row) => Number(row.written))),
  };
}
