/**
 * `npm run schemathesis [-- --examples N]`: a stranger's property-based judge over /api/openapi.json, with all its checks, as nobody, as an agent and as
 * an admin, against the real server on a throw-away database. Needs Python 3 with venv; the first run installs schemathesis into the cache.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hashPassword } from '../../api/passwords.ts';
import { startServer } from '../../api/server.ts';
import { readConfig } from '../../db/config.ts';
import { migrate } from '../../db/migrate.ts';
import { createPool, type Db } from '../../db/pool.ts';
import { createSession } from '../../db/sessions.ts';
import { startPostgres } from '../../run/postgres.ts';

const VERSION = '4.32.5';
const SEED = '20261127';
const CACHE = join(homedir(), '.cache', 'trubka', `schemathesis-${VERSION}`);
const PROGRAM = join(CACHE, 'bin', 'schemathesis');

/** Never ends, or ends the session that all the other requests need. The tests of the project go through these. */
const LEFT_OUT = ['/api/events', '/api/session', '/api/sessions', '/metrics'];

/** Rules between fields, which JSON Schema cannot say: `to` after `from`, `kind` by channel, names of custom fields that exist. */
const EXCEPTED_CHECKS = ['positive_data_acceptance'];

function install(): void {
  if (existsSync(PROGRAM)) return;
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['python3', ['-m', 'venv', CACHE]],
    [join(CACHE, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${VERSION}`]],
  ];
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
  }
}

async function cookieOf(db: Db, role: 'agent' | 'admin'): Promise<string> {
  const values = { full_name: role, email: `${role}@schemathesis.local`, role, password_hash: await hashPassword(randomUUID()) };
  // So that an admin who tries «adminSecondFactorRequired» is not shut out of the rest.
  const [row] = (await db('agents')
    .insert({ ...values, second_factor_at: new Date() })
    .returning(['id'])) as { id: string }[];
  const { token } = await createSession(db, { agentId: row?.id ?? '', address: '127.0.0.1', userAgent: null });
  return `trubka_session=${token}`;
}

function judge(origin: string, who: string, cookie: string | undefined, examples: string): Promise<number> {
  console.log(`\n=== signed in as ${who} ===`);
  const args = [
    ...['run', `${origin}/api/openapi.json`, '--checks', 'all', '--seed', SEED, '--max-examples', examples, '--no-color'],
    ...['--workers', '1', '--continue-on-failure', '--suppress-health-check', 'all', '--warnings', 'off'],
    ...['--generation-database', 'none', '--request-timeout', '20', '--generation-with-security-parameters', 'false'],
    ...EXCEPTED_CHECKS.flatMap((check) => ['--exclude-checks', check]),
    ...(cookie === undefined ? [] : ['-H', `Cookie: ${cookie}`]),
    ...LEFT_OUT.flatMap((path) => ['--exclude-path', path]),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, { stdio: 'inherit', cwd: tmpdir() });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function main(): Promise<number> {
  const given = process.argv.indexOf('--examples');
  const examples = given > 0 ? (process.argv[given + 1] ?? '20') : '20';
  install();
  const directory = await mkdtemp(join(tmpdir(), 'trubka-schemathesis-'));
  const postgres = await startPostgres({ directory: join(directory, 'postgres'), durable: false });
  await migrate(postgres.databaseUrl);
  const db = createPool(postgres.databaseUrl, { max: 2 });
  const env = { DATABASE_URL: postgres.databaseUrl, TEMPORAL_ADDRESS: '127.0.0.1:1', DATA_DIR: directory, PORT: '0' };
  const server = await startServer(readConfig({ ...env, LOG_LEVEL: 'error' }));
  const origin = `http://127.0.0.1:${server.port}`;
  try {
    while ((await fetch(`${origin}/health/ready`)).status !== 200) await delay(50);
    const callers = [
      ['nobody', undefined],
      ['an agent', await cookieOf(db, 'agent')],
      ['an admin', await cookieOf(db, 'admin')],
    ] as const;
    let failed = 0;
    for (const [who, cookie] of callers) if ((await judge(origin, who, cookie, examples)) !== 0) failed += 1;
    return failed;
  } finally {
    await server.stop();
    await db.destroy();
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
