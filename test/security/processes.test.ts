import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../api/routes/index.ts';
import { codeAt, fromBase32, stepAt } from '../../api/totp.ts';
import { createPool } from '../../db/pool.ts';
import { freePort } from '../../run/ports.ts';
import { embeddedUrls } from '../../run/postgres.ts';
import { dumpOf } from '../privacy/dump.ts';
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
  invitedPassword: 'canary-invited-password-94',
  otherKey: 'canary-other-key-95',
  otherSalt: 'canary-other-salt-96',
  changedSalt: 'canary-changed-salt-97',
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
/** Secrets that the product makes itself and shows once; filled while the day goes by. */
const made: string[] = [];

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
/** As it stands, percent-encoded, and as Postgres writes bytes. */
const spellings = (text: string): string[] => [text, encodeURIComponent(text), Buffer.from(text).toString('hex')];
const standsIn = (text: string, bytes: Buffer): boolean => spellings(text).some((spelling) => bytes.includes(spelling));
function finds(paths: readonly string[], texts: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const bytes = readFileSync(path);
    return texts.filter((text) => standsIn(text, bytes)).map((text) => `${text} in ${relative(dataDir, path)}`);
  });
}
/** What others than the owner may do: with a file, with a directory. */
const openToOthers = (path: string): boolean => !lstatSync(path).isSymbolicLink() && (lstatSync(path).mode & 0o077) !== 0;

async function send(method: string, path: string, body?: unknown, as = cookie): Promise<{ status: number; body: unknown }> {
  return new Visitor(`http://127.0.0.1:${port}`, as, '').request(method, path, body);
}
async function well(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await send(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
async function signIn(email: string, password: string, code?: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, ...(code === undefined ? {} : { code }) }),
  });
  const given = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  if (given !== '') made.push(given.split('=')[1] ?? '');
  return given;
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

/** The superuser's: not every table belongs to the role the service works as. */
function superuserUrl(): string {
  const { serverUrl, databaseUrl } = embeddedUrls(join(dataDir, 'postgres'));
  const url = new URL(serverUrl);
  url.pathname = new URL(databaseUrl).pathname;
  return url.href;
}

/** Every row that `work` writes is refused by the database, which then shows the row to whoever wants to see it. */
async function whileEveryRowIsRefused(work: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl() });
  await client.connect();
  try {
    for (const table of WRITTEN) await client.query(`alter table ${table} add constraint canary check (false) not valid`);
    await work();
    for (const table of WRITTEN) await client.query(`alter table ${table} drop constraint canary`);
  } finally {
    await client.end();
  }
}

/** Another account of the PBX, whose key is wrong; changed once. */
async function connectAnotherAccount(): Promise<void> {
  const account = await well('POST', '/api/integrations', {
    name: 'canary',
    apiKey: SECRET.otherKey,
    apiSalt: SECRET.otherSalt,
    apiUrl: pbx.url,
  });
  const { id } = account as { id: string };
  await well('POST', '/api/operators/refresh', { integrationId: id });
  await well('PATCH', `/api/integrations/${id}`, { apiSalt: SECRET.changedSalt });
  await well('POST', `/api/integrations/${id}/self-test`, {});
}

/** An invitation that is followed, one that is replaced, one that stays open. */
async function invite(): Promise<void> {
  const tokenOf = ({ invitationUrl }: { invitationUrl: string }): string =>
    new URL(invitationUrl).pathname.split('/').at(-1) ?? '';
  const ask = async (path: string, body: unknown): Promise<string> => {
    const token = tokenOf((await well('POST', path, body)) as { invitationUrl: string });
    made.push(token);
    return token;
  };
  const person = { fullName: 'Приглашённая', email: 'canary-invited@test.local', role: 'agent' };
  await ask('/api/agents', person);
  const agents = (await well('GET', '/api/agents')) as { items: { id: string; email: string }[] };
  const again = `/api/agents/${agents.items.find(({ email }) => email === person.email)?.id}/invitation`;
  const token = await ask(again, {});
  const nobody = new Visitor(`http://127.0.0.1:${port}`, '', '');
  await nobody.get(`/api/invitations/${token}`);
  await nobody.post(`/api/invitations/${token}`, { password: SECRET.invitedPassword });
  await ask(again, {});
}

/** A second factor with its recovery codes, of which one is used. */
async function setUpSecondFactor(email: string, password: string): Promise<void> {
  const own = new Visitor(`http://127.0.0.1:${port}`, await signIn(email, password), '');
  const { secret } = await own.post<{ secret: string }>('/api/session/second-factor', { password });
  const code = codeAt(fromBase32(secret), stepAt(new Date()));
  const proved = await own.request('PUT', '/api/session/second-factor', { code });
  const { recoveryCodes } = proved.body as { recoveryCodes: string[] };
  made.push(secret, fromBase32(secret).toString('hex'), ...recoveryCodes, ...recoveryCodes.map((one) => one.replace('-', '')));
  expect(await signIn(email, password, recoveryCodes[0])).not.toBe('');
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
  await connectAnotherAccount();
  await invite();
  await setUpSecondFactor('canary-invited@test.local', SECRET.invitedPassword);

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
  const secrets = (): string[] => [...Object.values(SECRET), CREDENTIALS.key, ...made];

  it('no answer to a GET holds a secret', async () => {
    const idsOf = async (path: string): Promise<string[]> =>
      ((await well('GET', path)) as { items: { id: string }[] }).items.map(({ id }) => id);
    const lists = ['agents', 'tickets', 'calls', 'customers', 'integrations', 'fields', 'inspector/events'];
    const ids = new Map(await Promise.all(lists.map(async (name) => [name, await idsOf(`/api/${name}`)] as const)));
    const addressesOf = (path: string): string[] => {
      if (path === '/api/events') return [];
      if (path === '/api/statistics/{section}') return ['/api/statistics/load'];
      const [name = ''] = [...ids.keys()].filter((one) => path.startsWith(`/api/${one}/{`));
      return path.includes('{') ? (ids.get(name) ?? []).map((id) => path.replace(/\{\w+\}/, id)) : [path];
    };
    const gets = allRoutes.filter(({ method, handle }) => method === 'get' && handle).flatMap(({ path }) => addressesOf(path));
    expect(gets.length).toBeGreaterThan(30);
    const found: string[] = [];
    for (const path of gets) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      found.push(
        ...secrets()
          .filter((text) => standsIn(text, bytes))
          .map((text) => `${text} at ${path}`),
      );
    }
    expect(found).toEqual([]);
  });

  it('no row of any table holds one', async () => {
    const db = createPool(superuserUrl());
    const dump = Buffer.from(await dumpOf(db));
    await db.destroy();
    expect(secrets().filter((text) => standsIn(text, dump))).toEqual([]);
    expect(standsIn(PERSONAL.phone, dump)).toBe(true);
  });

  it('no secret stands in any file, and no log holds a number, a name or typed text', async () => {
    expect(made.length).toBeGreaterThan(25);
    trubka.kill('SIGTERM');
    await trubka.exitCode();
    const entries = readdirSync(dataDir, { recursive: true, withFileTypes: true });
    const open = ['', ...entries.map(({ parentPath, name }) => relative(dataDir, join(parentPath, name)))].filter((name) =>
      openToOthers(join(dataDir, name)),
    );
    // Postgres, which must not run as root, may pass through these; nobody else may read or write anything.
    const passages = open.filter((name) => (lstatSync(join(dataDir, name)).mode & 0o777) === 0o711);
    expect(passages).toEqual(process.getuid?.() === 0 ? ['', 'postgres'] : []);
    expect(open).toEqual(passages);
    const files = filesUnder(dataDir);
    const logs = files.filter((path) => path.endsWith('.log'));
    expect(logs.map((path) => relative(dataDir, path)).sort()).toEqual(
      expect.arrayContaining(['logs/api.log', 'logs/postgres.log', 'logs/temporal.log', 'logs/worker.log']),
    );
    expect(finds(files, secrets())).toEqual([]);
    expect(secrets().filter((secret) => trubka.output.includes(secret))).toEqual([]);
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
