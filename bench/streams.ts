import { Agent } from 'node:http';
import { processorMilliseconds, pause, residentMegabytes, spreadOf } from './measure.ts';
import { BenchCall } from './pbx-events.ts';
import { startStage, type Stage } from './stage.ts';
import { openStream, type StreamEvent } from './streams-of-agents.ts';

const AGENTS = 200;
const TABS = 10;
const CALLS = 100;

interface Tab {
  readonly agent: number;
  /** How many events it was told, and when each phone's ring came. */
  events: number;
  readonly rang: Map<string, number>;
}

async function openTab(stage: Stage, agent: number, connections: Agent): Promise<Tab> {
  const tab: Tab = { agent, events: 0, rang: new Map() };
  const told = ({ type, at, data }: StreamEvent): void => {
    if (!type.startsWith('call.')) return;
    tab.events += 1;
    const phone = typeof data['phone'] === 'string' ? data['phone'].replace(/^\+/, '') : '';
    if (type === 'call.ringing' && !tab.rang.has(phone)) tab.rang.set(phone, at);
  };
  await openStream(stage.url, stage.agents[agent]?.cookie ?? '', told, connections);
  return tab;
}

/** `npm run bench -- streams`: two thousand event streams on one API process: their memory, how fast all tabs of an agent know, and who else is told. */
export async function run(): Promise<void> {
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
    const [firsts, lasts]: [number[], number[]] = [[], []];
    for (let index = 0; index < CALLS; index++) {
      const agent = index % AGENTS;
      const call = new BenchCall(stage.url, stage.agents[agent]?.extension ?? '', index);
      const mine = tabs.filter((tab) => tab.agent === agent);
      const startedAt = performance.now();
      await call.leg('Appeared');
      while (mine.some(({ rang }) => !rang.has(call.phone))) await pause(2);
      const times = mine.map(({ rang }) => (rang.get(call.phone) ?? 0) - startedAt);
      firsts.push(Math.min(...times));
      lasts.push(Math.max(...times));
    }
    const processor = (processorMilliseconds(stage.api.pid ?? 0) - processorBefore) / CALLS;
    const strangers = tabs.filter(({ agent, events }) => agent >= CALLS && events > 0).length;
    const [first, last] = [spreadOf(firsts), spreadOf(lasts)];
    console.log(`${tabs.length} streams of ${AGENTS} agents, ${TABS} tabs each, on one API process:`);
    console.log(
      `- ${Math.round(((open - idle) * 1024) / tabs.length)} kB of memory a stream (${idle} MB without, ${open} MB with them)`,
    );
    console.log(
      `- webhook → first tab p50 ${first.p50}, p95 ${first.p95} ms; → last of the agent's ${TABS} tabs p50 ${last.p50}, p95 ${last.p95} ms`,
    );
    console.log(
      `- ${Math.round(processor)} ms of the API's processor time a ring; of the ${(AGENTS - CALLS) * TABS} streams it did not concern, ${strangers} were told`,
    );
    if (strangers > 0) process.exitCode = 1;
  } finally {
    connections.destroy();
    await stage.stop();
  }
}
