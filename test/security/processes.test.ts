import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../run/ports.ts';
import { embeddedUrls } from '../../run/postgres.ts';
import { eventually } from '../support/live-call.ts';
import { signedForm, startPbx, type DemoPbx } from '../support/pbx.ts';
import { Visitor } from '../support/product.ts';
import { StartedTrubka } from '../run/trubka.ts';

const START = fileURLToPath(new URL('product.ts', import.meta.url));
const ADMIN = 'canary-admin@test.local';
/** What must be found nowhere once it has been through every process. */
const SECRET = {
  salt: 'canary-salt-51c0ffee',
  password: 'canary-password-91',
  wrongPassword: 'canary-wrong-password-92',
  newPassword: 'canary-new-password-93',
};
const PERSONAL = {
  phone: '79031597531',
  name: 'Канарейкина',
  subject: 'канареечная тема',
  gist: 'канареечная суть',
  note: 'канареечная заметка',
  agentEmail: 'canary@test.local',
  customerEmail: 'canary-customer@test.local',
  unknownEmail: 'canary-nobody@test.local',
};
/** As people write it, and the PBX in an address. */
const SPELLINGS = ['+7 903 159-75-31', '8 (903) 159-75-31', '+7 (903) 159 75 31', 'sip:79031597531@pbx.local'];
/** Its last ten digits with whatever people put between them. */
const IN_ANY_SPELLING = new RegExp([...PERSONAL.phone.slice(1)].join('(?:[\\s().-]|%20|%28|%29)*'));
/** What one transaction of the service or another writes into. */
const WRITTEN = ['customers', 'customer_phones', 'customer_emails', 'tickets', 'messages', 'drafts', 'inbox', 'audit_log'];
const CREDENTIALS = { key: 'canary-key-7777', salt: SECRET.salt };

interface Child {
  readonly name: string;
  readonly pid: number;
}

let directory: string;
let dataDir: string;
let port: number;
let trubka: StartedTrubka;
let pbx: DemoPbx;
let cookie = '';

/** `/proc/net/tcp`: the local address of each socket that listens, by inode. */
function listeners(): Map<string, { readonly host: string; readonly port: number }> {
  const found = new Map<string, { host: string; port: number }>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(file, 'utf8').trim().split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [host = '', portHex = '0'] = local.split(':');
      if (state === '0A') found.set(inode, { host, port: Number.parseInt(portHex, 16) });
    }
  }
  return found;
}

const LOOPBACK = ['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F'];

function listensOf(pid: number): { readonly host: string; readonly port: number }[] {
  const all = listeners();
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      const listener = inode === undefined ? undefined : all.get(inode);
      return listener ? [listener] : [];
    } catch {
      // Closed between the two looks.
      return [];
    }
  });
}

const connects = (host: string, at: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port: at, timeout: 5000 });
    const say = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
    socket.once('timeout', () => say(false));
  });

const children = (): readonly Child[] =>
  (JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8')) as { children: Child[] }).children;

function filesUnder(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
/** Which of these texts stand where, in UTF-8 or percent-encoded. */
function finds(paths: readonly string[], texts: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const bytes = readFileSync(path);
    const found = texts.filter((text) => bytes.includes(text) || bytes.includes(encodeURIComponent(text)));
    return found.map((text) => `${text} in ${relative(dataDir, path)}`);
  });
}

async function send(method: string, path: string, body?: unknown, as = cookie): Promise<{ status: number; body: unknown }> {
  return new Visitor(`http://127.0.0.1:${port}`, as, '').request(method, path, body);
}
async function well(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await send(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
async function signIn(email: string, password: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}
const webhook = (path: string, body: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/mango${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  });

/** Personal text in these files, and numbers in whatever spelling. */
const personalIn = (paths: readonly string[]): string[] => [
  ...finds(paths, [...Object.values(PERSONAL), PERSONAL.phone.slice(1), ADMIN]),
  ...paths
    .filter((path) => IN_ANY_SPELLING.test(readFileSync(path, 'utf8')))
    .map((path) => `a number in ${relative(dataDir, path)}`),
];

/** Every row that `work` writes is refused by the database, which then shows the row to whoever wants to see it. */
async function whileEveryRowIsRefused(work: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: embeddedUrls(join(dataDir, 'postgres')).databaseUrl });
  await client.connect();
  try {
    for (const table of WRITTEN) await client.query(`alter table ${table} add constraint canary check (false) not valid`);
    await work();
    for (const table of WRITTEN) await client.query(`alter table ${table} drop constraint canary`);
  } finally {
    await client.end();
  }
}

/** An ordinary day with everything that can go wrong in it: whatever any process feels like logging, it logs. */
async function liveThroughADay(): Promise<void> {
  await signIn(ADMIN, SECRET.wrongPassword);
  cookie = await signIn(ADMIN, SECRET.password);
  const agent = await well('POST', '/api/agents', {
    fullName: PERSONAL.name,
    email: PERSONAL.agentEmail,
    role: 'agent',
    password: SECRET.newPassword,
  });
  await well('POST', '/api/operators/refresh', {});
  const operators = await well('GET', '/api/operators');
  const one = (operators as { items: { id: string; extension: string }[] }).items.find(({ extension }) => extension === '101');
  await well('PATCH', `/api/operators/${one?.id}`, { agentId: (agent as { id: string }).id, ignored: false });

  const customer = { fullName: PERSONAL.name, note: PERSONAL.note, emails: [PERSONAL.customerEmail] };
  await well('POST', '/api/customers', { ...customer, phones: [`+${PERSONAL.phone}`] });
  await send('POST', '/api/customers', { ...customer, phones: [`+${PERSONAL.phone}`, 'нет'] });
  for (const phone of SPELLINGS) await send('POST', '/api/customers', { ...customer, phones: [phone] });
  for (const q of [PERSONAL.phone, PERSONAL.customerEmail, ...SPELLINGS]) {
    await send('GET', `/api/customers?q=${encodeURIComponent(q)}`);
    await send('GET', `/api/tickets?q=${encodeURIComponent(q)}`);
  }
  await signIn(PERSONAL.unknownEmail, SECRET.wrongPassword);
  await send('POST', '/api/agents', { fullName: PERSONAL.name, email: PERSONAL.agentEmail, role: 'agent' });
  await send('GET', `/api/tickets?q=${encodeURIComponent(PERSONAL.subject)}`);
  await well('POST', '/api/tickets', { subject: PERSONAL.subject, channel: 'email' });
  await send('GET', `/api/${PERSONAL.name}/${SECRET.wrongPassword}`);

  const json = JSON.stringify({ entry_id: 'e', from: { number: PERSONAL.phone } });
  const ringing = JSON.stringify({
    ...{ entry_id: 'refused', call_id: 'refused', timestamp: 1_700_000_000, seq: 1, call_state: 'Appeared', location: 'abonent' },
    ...{ from: { number: PERSONAL.phone }, to: { extension: '101' } },
  });
  await webhook('/events/call', new URLSearchParams({ vpbx_api_key: CREDENTIALS.key, sign: 'wrong', json }).toString());
  await webhook('/events/call', signedForm(json, CREDENTIALS));
  for (const path of [PERSONAL.phone, PERSONAL.name, ...SPELLINGS]) {
    await webhook(`/events/${encodeURIComponent(path)}`, signedForm('{"a":', { ...CREDENTIALS, salt: 'wrong' }));
  }

  const call = pbx.incoming({ from: `+${PERSONAL.phone}` });
  await call.ring('101');
  await call.answer('101');
  const theirs = await signIn(PERSONAL.agentEmail, SECRET.newPassword);
  const typed = { subject: PERSONAL.subject, gist: PERSONAL.gist };
  const act = async (type: string): Promise<number> => {
    const live = (await send('GET', '/api/calls', undefined, theirs)).body as {
      items: { callId: string; conversationId: string }[];
    };
    const { callId, conversationId = null } = live.items[0] ?? {};
    if (conversationId === null) return 0;
    return (await send('POST', `/api/calls/${callId}/actions`, { actionId: type, type, conversationId, ...typed }, theirs))
      .status;
  };
  expect(
    await eventually(
      () => act('save_draft'),
      (status) => status === 202,
      60_000,
    ),
  ).toBe(202);
  await whileEveryRowIsRefused(async () => {
    await send('POST', '/api/customers', { ...customer, phones: ['+79031597532'] });
    for (const phone of SPELLINGS) await send('POST', '/api/customers', { ...customer, phones: [phone] });
    await send('POST', '/api/tickets', { subject: PERSONAL.subject, channel: 'email' });
    expect(await act('create_ticket')).toBe(500);
    expect((await webhook('/events/call', signedForm(ringing, CREDENTIALS))).status).toBe(503);
  });
  await call.pass(5);
  await call.hangUp();
  await call.finish();
  const ended = async (): Promise<boolean> =>
    ((await send('GET', '/api/tickets?channel=call')).body as { total: number }).total >= 1;
  expect(await eventually(ended, (is) => is, 60_000)).toBe(true);
  // Postgres is away for a moment while somebody asks and the PBX tells: the errors of the driver go through the logs too.
  process.kill(children().find(({ name }) => name === 'postgres')?.pid ?? 0, 'SIGKILL');
  for (let time = 0; time < 5; time += 1) {
    await send('GET', `/api/customers?q=${PERSONAL.phone}`).catch(() => undefined);
    await webhook('/events/call', signedForm(json.replace('"e"', `"e${time}"`), CREDENTIALS)).catch(() => undefined);
  }
  const ready = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  expect(await eventually(ready, (is) => is, 60_000)).toBe(true);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trubka-secrets-'));
  dataDir = join(directory, 'data');
  port = await freePort();
  pbx = await startPbx({ targetUrl: `http://127.0.0.1:${port}`, ...CREDENTIALS });
  trubka = new StartedTrubka(
    {
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'debug',
      ADMIN_EMAIL: ADMIN,
      ADMIN_PASSWORD: SECRET.password,
      MANGO_API_KEY: CREDENTIALS.key,
      MANGO_API_SALT: CREDENTIALS.salt,
      MANGO_API_URL: pbx.url,
      CALL_SETTLE_SECONDS: '1',
    },
    START,
  );
  await trubka.says(/Trubka is ready after/);
  await liveThroughADay();
}, 240_000);
afterAll(async () => {
  trubka.kill('SIGTERM');
  await trubka.exitCode();
  await pbx.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

describe('Check 38: who listens', () => {
  it('beyond this machine only PORT does', () => {
    const all = children().flatMap(({ name, pid }) => listensOf(pid).map((listener) => ({ name, ...listener })));
    expect(new Set(all.map(({ name }) => name))).toEqual(new Set(['api', 'postgres', 'temporal']));
    const open = all.filter(({ host }) => !LOOPBACK.includes(host));
    expect(open.map(({ name, port: at }) => [name, at])).toEqual([['api', port]]);
  });

  it('at another address than 127.0.0.1 nothing but PORT answers: neither Postgres, nor Temporal, nor its interface', async () => {
    // What comes from elsewhere comes to such an address; 127.0.0.2 is one that every machine has.
    const outside = Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
    );
    const ports = new Set(children().flatMap(({ pid }) => listensOf(pid).map((listener) => listener.port)));
    // Postgres, Temporal, its interface, its metrics, PORT.
    expect(ports.size).toBeGreaterThanOrEqual(4);
    for (const at of ports) expect(await connects('127.0.0.1', at), `127.0.0.1:${at}`).toBe(true);
    for (const host of ['127.0.0.2', ...outside])
      for (const at of ports) expect(await connects(host, at), `${host}:${at}`).toBe(at === port);
  });
});

describe('Check 35, 36: after a day with everything in it', () => {
  it('no secret stands in any file, and no log holds a number, a name or typed text', async () => {
    const token = cookie.split('=')[1] ?? '';
    expect(token).toHaveLength(43);
    // Postgres, which must not run as root, may pass through; nobody else may read or write anything.
    const modes = ['', 'secret.key', 'postgres', 'temporal', 'logs'].map((name) => statSync(join(dataDir, name)).mode & 0o066);
    expect(modes).toEqual([0, 0, 0, 0, 0]);
    trubka.kill('SIGTERM');
    await trubka.exitCode();
    const files = filesUnder(dataDir);
    const logs = files.filter((path) => path.endsWith('.log'));
    expect(logs.map((path) => relative(dataDir, path)).sort()).toEqual(
      expect.arrayContaining(['logs/api.log', 'logs/postgres.log', 'logs/temporal.log', 'logs/worker.log']),
    );
    const secrets = [...Object.values(SECRET), token];
    expect(finds(files, secrets)).toEqual([]);
    expect(secrets.filter((secret) => trubka.output.includes(secret))).toEqual([]);
    expect(personalIn(logs)).toEqual([]);
    expect([...Object.values(PERSONAL), ADMIN].filter((text) => trubka.output.includes(text))).toEqual([]);
    expect(trubka.output).not.toMatch(IN_ANY_SPELLING);
    // Temporal knows ids only.
    expect(personalIn(files.filter((path) => relative(dataDir, path).startsWith('temporal/')))).toEqual([]);
    // That the search would find something if it were there: all that was typed has reached the database.
    const stored = finds(files, [
      PERSONAL.phone,
      PERSONAL.name,
      PERSONAL.note,
      PERSONAL.subject,
      PERSONAL.gist,
      PERSONAL.customerEmail,
    ]);
    expect(new Set(stored.map((line) => line.split(' in ')[0]))).toHaveLength(6);
    for (const spelling of SPELLINGS) expect(spelling).toMatch(IN_ANY_SPELLING);
    // And that what could have told of it was logged, by the name of what refused it.
    const [api = '', postgres = ''] = ['api', 'postgres'].map((name) => readFileSync(join(dataDir, `logs/${name}.log`), 'utf8'));
    expect(api.match(/violates check constraint|storage_unavailable|Refused a webhook|"path":"other"/g)).toEqual(
      expect.arrayContaining(['violates check constraint', 'storage_unavailable', 'Refused a webhook', '"path":"other"']),
    );
    expect(postgres.match(/violates check constraint/g)?.length).toBeGreaterThan(5);
  });
});
