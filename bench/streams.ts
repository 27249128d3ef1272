import { Agent } from 'node:http';
import { atRate, processorMilliseconds, pause, residentMegabytes, spreadOf } from './measure.ts';
import { BenchCall } from './pbx-events.ts';
import { loadNow, machine, publish } from './results.ts';
import { startStage, type Stage } from './stage.ts';
import { openStream, type StreamEvent } from './streams-of-agents.ts';

const AGENTS = 200;
const TABS = 10;
const CALLS = 100;
/** What one is told late is told by then. */
const LATE_MS = 1_000;
const WHOLE_CALLS = 30;
const PATIENCE_MS = 60_000;

interface Tab {
  readonly agent: number;
  /** When each phone's ring came; every phone of which anything came. */
  readonly rang: Map<string, number>;
  readonly phones: Set<string>;
  /** Every ticket that was told of, and how often one was. */
  readonly tickets: Set<string>;
  changes: number;
  ended: boolean;
}

async function openTab(stage: Stage, agent: number, connections: Agent): Promise<Tab> {
  const tab: Tab = { agent, rang: new Map(), phones: new Set(), tickets: new Set(), changes: 0, ended: false };
  const told = ({ type, at, data }: StreamEvent): void => {
    if (type === 'ticket.changed') {
      tab.tickets.add(String(data['ticketId']));
      tab.changes += 1;
    }
    if (!type.startsWith('call.')) return;
    const phone = typeof data['phone'] === 'string' ? data['phone'].replace(/^\+/, '') : '';
    tab.phones.add(phone);
    if (type === 'call.ringing' && !tab.rang.has(phone)) tab.rang.set(phone, at);
  };
  await openStream(stage.url, stage.agents[agent]?.cookie ?? '', told, { connections, ended: () => void (tab.ended = true) });
  return tab;
}

interface Told {
  /** Of the API for one call, in milliseconds. */
  readonly processor: number;
  /** Seconds from the last call's end until everybody had been told of its ticket. */
  readonly seconds: number;
  /** Told to one stream, of one call's ticket. */
  readonly changes: number;
}

/** Whole calls, two a second, each with a ticket: all agents may see all tickets here, and are told. */
async function tellEverybody(stage: Stage, tabs: readonly Tab[]): Promise<Told> {
  const before = processorMilliseconds(stage.api.pid ?? 0);
  await atRate(2, WHOLE_CALLS / 2, async (index) => {
    const call = new BenchCall(stage.url, stage.agents[index]?.extension ?? '', 10_000 + index);
    await call.leg('Appeared');
    await call.leg('Connected');
    await call.leg('Disconnected');
    await call.summary();
  });
  const endedAt = performance.now();
  while (tabs.some(({ tickets }) => tickets.size < WHOLE_CALLS)) {
    if (performance.now() - endedAt > PATIENCE_MS) throw new Error('Not everybody was told of every ticket');
    await pause(20);
  }
  const seconds = (performance.now() - endedAt) / 1000;
  await pause(LATE_MS);
  const changes = tabs.reduce((sum, tab) => sum + tab.changes, 0) / tabs.length / WHOLE_CALLS;
  return { processor: (processorMilliseconds(stage.api.pid ?? 0) - before) / WHOLE_CALLS, seconds, changes };
}

/** `npm run bench -- streams`: two thousand event streams on one API process: their memory, how fast all tabs of an agent know, and who else is told. */
export async function run(): Promise<void> {
  const load = loadNow();
  const stage = await startStage(AGENTS);
  const connections = new Agent({ keepAlive: true, maxSockets: Infinity });
  try {
    const idle = residentMegabytes(stage.api.pid ?? 0);
    const tabs: Tab[] = [];
    // No faster than one address may ask.
    for (let tab = 0; tab < AGENTS * TABS; tab += 50) {
      const batch = Array.from({ length: 50 }, (_, next) => openTab(stage, (tab + next) % AGENTS, connections));
      tabs.push(...(await Promise.all(batch)));
      await pause(250);
    }
    await pause(3000);
    const open = residentMegabytes(stage.api.pid ?? 0);
    const processorBefore = processorMilliseconds(stage.api.pid ?? 0);
    const calledAgent = new Map<string, number>();
    const [firsts, lasts]: [number[], number[]] = [[], []];
    for (let index = 0; index < CALLS; index++) {
      const agent = index % AGENTS;
      const call = new BenchCall(stage.url, stage.agents[agent]?.extension ?? '', index);
      calledAgent.set(call.phone, agent);
      const mine = tabs.filter((tab) => tab.agent === agent);
      const startedAt = performance.now();
      await call.leg('Appeared');
      while (mine.some(({ rang }) => !rang.has(call.phone))) await pause(2);
      const times = mine.map(({ rang }) => (rang.get(call.phone) ?? 0) - startedAt);
      firsts.push(Math.min(...times));
      lasts.push(Math.max(...times));
    }
    const processor = (processorMilliseconds(stage.api.pid ?? 0) - processorBefore) / CALLS;
    await pause(LATE_MS);
    const told = tabs.filter(({ agent, phones }) => [...phones].some((phone) => calledAgent.get(phone) !== agent)).length;
    const everybody = await tellEverybody(stage, tabs);
    const ended = tabs.filter((tab) => tab.ended).length;
    const [first, last] = [spreadOf(firsts), spreadOf(lasts)];
    const memory = Math.round(((open - idle) * 1024) / tabs.length);
    const summary = [
      `${tabs.length} streams of ${AGENTS} agents, ${TABS} tabs each, on one API process:`,
      `- ${memory} kB of memory a stream (${idle} MB without, ${open} MB with them)`,
      `- webhook → first tab p50 ${first.p50}, p95 ${first.p95} ms; → last of the agent's ${TABS} tabs p50 ${last.p50}, p95 ${last.p95} ms`,
      `- ${Math.round(processor)} ms of the API's processor time a ring; of the ${tabs.length} streams ${told} were told of a call that is not their agent's, ${ended} had ended`,
      `- ${Math.round(everybody.processor)} ms of the API's processor time a whole call, of whose ticket everybody is told (${everybody.changes.toFixed(1)} times each); all knew of the last ${everybody.seconds.toFixed(1)} s after its end`,
      '',
      machine(load),
    ].join('\n');
    await publish('streams', summary, { streams: tabs.length, memory, first, last, processor, told, ended, everybody, load });
    if (told + ended > 0) process.exitCode = 1;
  } finally {
    connections.destroy();
    await stage.stop();
  }
}
