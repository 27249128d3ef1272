import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { openTemporal } from '../api/admin/temporal-access.ts';
import { createApp } from '../api/app.ts';
import { createEventHub } from '../api/stream/hub.ts';
import { SECTIONS } from '../api/contract/statistics.ts';
import { readConfig } from '../db/config.ts';
import { createLogger } from '../db/log.ts';
import { migrate } from '../db/migrate.ts';
import { createPool, type Db } from '../db/pool.ts';
import { openSecrets } from '../db/secrets.ts';
import { createSession } from '../db/sessions.ts';
import { urlOfDatabase, withClient } from '../run/postgres-server.ts';
import { DATABASE, fillDatabase, isFilled, provideServer, type Size } from './filled-database.ts';
import { percentile, table } from './measure.ts';

const RESULTS = new URL('../bench-results/', import.meta.url);
const DAY = 86_400_000;
const ZONE = 'Europe/Moscow';
const WARM_REQUESTS = 5;
const SORTS = ['-updatedAt', '-createdAt', 'number', 'subject', 'status', 'customer', 'assignee'];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Api {
  /** Milliseconds from request to the whole answer. */
  time(path: string): Promise<number>;
  close(): Promise<void>;
}

/** The API as production builds it, with connections of its own that know no plan yet. */
async function startApi(databaseUrl: string, cookie: string): Promise<Api> {
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    DATA_DIR: join(tmpdir(), 'trubka-bench-api'),
  });
  const db = createPool(databaseUrl);
  const logger = createLogger('api', {
    level: 'fatal',
    destination: new Writable({ write: (_chunk, _encoding, done) => done() }),
  });
  const events = createEventHub({ db, databaseUrl, logger });
  const telephony = { forIntegration: () => Promise.reject(new Error('No PBX is asked here')) };
  const server = createServer(
    createApp({
      ...{ db, config, logger, events },
      secrets: openSecrets(config),
      telephony: telephony as never,
      temporal: openTemporal(config.temporal),
    }),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    async time(path) {
      const startedAt = performance.now();
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
      const body = await response.text();
      if (response.status !== 200) throw new Error(`${path} was answered ${response.status}: ${body}`);
      return performance.now() - startedAt;
    },
    async close() {
      await events.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await db.destroy();
    },
  };
}

async function signIn(db: Db): Promise<string> {
  const [admin] = (await db('agents')
    .insert({ full_name: 'Bench', email: `bench${Date.now()}@example.com`, role: 'admin' })
    .returning('id')) as { id: string }[];
  const { token } = await createSession(db, { agentId: admin?.id ?? '', address: '127.0.0.1', userAgent: null });
  return `trubka_session=${token}`;
}

interface Measured {
  readonly what: string;
  readonly limit: number;
  readonly cold: number;
  readonly warm: number;
}

interface Request {
  readonly what: string;
  readonly path: string;
  readonly limit: number;
}

function requests(agentId: string): Request[] {
  const now = Date.now();
  const span = (days: number) => ({ from: new Date(now - days * DAY).toISOString(), to: new Date(now).toISOString(), tz: ZONE });
  const periods = [
    { name: 'month', limit: 300, ...span(30) },
    { name: 'year', limit: 1500, ...span(365) },
  ];
  const sections = periods.flatMap(({ name, limit, ...period }) =>
    SECTIONS.map((section) => ({
      what: `${section}, ${name}`,
      limit,
      path: `/api/statistics/${section}?${new URLSearchParams(period).toString()}`,
    })),
  );
  const [month, year] = [span(30), span(365)];
  const list = (what: string, query: Record<string, string>): Request => ({
    what: `tickets: ${what}`,
    limit: 50,
    path: `/api/tickets?${new URLSearchParams(query).toString()}`,
  });
  return [
    ...sections,
    {
      what: 'load, month, one agent',
      limit: 300,
      path: `/api/statistics/load?${new URLSearchParams({ ...month, agentId }).toString()}`,
    },
    {
      what: 'load, year, one agent',
      limit: 1500,
      path: `/api/statistics/load?${new URLSearchParams({ ...year, agentId }).toString()}`,
    },
    ...SECTIONS.map((section) => ({
      what: `${section}, month, compared`,
      limit: 300,
      path: `/api/statistics/${section}?${new URLSearchParams({ ...month, compare: 'true' }).toString()}`,
    })),
    ...(['load', 'speed', 'team'] as const).flatMap((section) => [
      {
        what: `${section}, month, one team`,
        limit: 300,
        path: `/api/statistics/${section}?${new URLSearchParams({ ...month, team: 'Команда 1' }).toString()}`,
      },
      {
        what: `${section}, year, one team`,
        limit: 1500,
        path: `/api/statistics/${section}?${new URLSearchParams({ ...year, team: 'Команда 1' }).toString()}`,
      },
    ]),
    ...SORTS.flatMap((sort) => [list(`by ${sort}`, { sort }), list(`by ${sort}, 1,000th page`, { sort, page: '1000' })]),
    list('search by number', { q: '79000012345' }),
    list('search by subject', { q: 'заказе 77123' }),
    list('search by name', { q: 'Покупатель 4242' }),
  ];
}

/** The first request on new connections, then the median of some more. */
async function measure(databaseUrl: string, cookie: string, { what, path, limit }: Request): Promise<Measured> {
  const api = await startApi(databaseUrl, cookie);
  try {
    // Signing in and the process's own first steps are no part of it: an address that reads nothing.
    await api.time('/api/session');
    const cold = await api.time(path);
    const warm: number[] = [];
    for (let request = 0; request < WARM_REQUESTS; request++) warm.push(await api.time(path));
    return { what, limit, cold: Math.round(cold), warm: Math.round(percentile(warm, 0.5)) };
  } finally {
    await api.close();
  }
}

/**
 * `npm run bench -- statistics [--tickets 1000000] [--days 730] [--keep DIR] [--only TEXT]`: fills a database of its own and
 * measures every section of the statistics and the ticket list through the API, or those whose name holds the text. Fails if a
 * limit is missed. With `--keep` the database stays in the directory, and the next run measures without filling.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tickets: { type: 'string', default: '1000000' },
      days: { type: 'string', default: '730' },
      keep: { type: 'string' },
      only: { type: 'string', default: '' },
    },
  });
  const size = { tickets: Number(values.tickets), days: Number(values.days) };
  const server = await provideServer(values.keep);
  try {
    if (values.keep !== undefined && (await isFilled(server.url))) say('Using the database that is there');
    else {
      await withClient(server.url, (client) => client.query(`drop database if exists ${DATABASE} with (force)`));
      await fillDatabase(server.url, size);
    }
    const databaseUrl = urlOfDatabase(server.url, DATABASE);
    await migrate(databaseUrl);
    const db = createPool(databaseUrl);
    const cookie = await signIn(db);
    const agent = (await db('agents').where({ role: 'agent' }).first('id')) as { id: string };
    await db.destroy();
    const measured: Measured[] = [];
    for (const request of requests(agent.id))
      if (request.what.includes(values.only)) measured.push(await measure(databaseUrl, cookie, request));
    await report(size, measured);
    if (values.keep === undefined)
      await withClient(server.url, (client) => client.query(`drop database ${DATABASE} with (force)`));
  } finally {
    await server.stop();
  }
}

async function report({ tickets, days }: Size, measured: readonly Measured[]): Promise<void> {
  say(`${tickets} tickets over ${days} days, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);
  say(
    table(
      measured.map(({ what, cold, warm, limit }) => ({
        what,
        'cold ms': cold,
        'warm ms': warm,
        'limit ms': limit,
        verdict: cold <= limit && warm <= limit ? 'ok' : 'MISSED',
      })),
    ),
  );
  await mkdir(RESULTS, { recursive: true });
  await writeFile(
    new URL('statistics.json', RESULTS),
    `${JSON.stringify({ tickets, days, load: loadavg(), measured }, null, 2)}\n`,
  );
  if (measured.some(({ cold, warm, limit }) => cold > limit || warm > limit)) process.exitCode = 1;
}
