import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSession } from '../../db/sessions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { signedForm, TEST_CREDENTIALS } from '../support/pbx.ts';
import { temporalAddress, workflowBundle } from '../support/temporal.ts';

let database: TestDatabase;
let dataDir: string;
let cookie: string;
const children: ChildProcess[] = [];

interface Started {
  readonly child: ChildProcess;
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

async function start(script: string, env: NodeJS.ProcessEnv = {}): Promise<Started> {
  let text = '';
  const child = spawn(process.execPath, ['run/service.mjs', script], {
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporalAddress(),
      DATA_DIR: dataDir,
      PORT: '0',
      LOG_LEVEL: 'info',
      WORKFLOW_BUNDLE: (await workflowBundle()).codePath,
      MANGO_API_KEY: TEST_CREDENTIALS.key,
      MANGO_API_SALT: TEST_CREDENTIALS.salt,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  children.push(child);
  return {
    child,
    async said(pattern) {
      for (;;) {
        const found = pattern.exec(text);
        if (found) return found;
        if (child.exitCode !== null) throw new Error(`${script} ended: ${text}`);
        await delay(20);
      }
    },
  };
}

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'trubka-graceful-'));
  const [agent] = (await database
    .db('agents')
    .insert({ full_name: 'Анна', email: 'a@test.local', role: 'agent' })
    .returning('id')) as { id: string }[];
  const { token } = await createSession(database.db, { agentId: agent?.id ?? '', address: '127.0.0.1', userAgent: null });
  cookie = `trubka_session=${token}`;
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const event = (number: number): string =>
  signedForm(
    JSON.stringify({
      entry_id: `entry${number}`,
      call_id: `call${number}`,
      timestamp: 1_700_000_000,
      seq: 1,
      call_state: 'Appeared',
      location: 'abonent',
      from: { number: '79161234567' },
      to: { extension: '101' },
    }),
    TEST_CREDENTIALS,
  );

describe('The worker', () => {
  it('is gone within ten seconds of SIGTERM, in order', async () => {
    const worker = await start('activities/worker.ts');
    await worker.said(/Worker is running/);
    const exited = new Promise<number | null>((resolve) => worker.child.once('exit', (code) => resolve(code)));
    const askedAt = Date.now();
    worker.child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(Date.now() - askedAt).toBeLessThan(10_000);
  });
});

describe('An API with more to do than it can', () => {
  it('sheds with 503 and Retry-After, at once, while every webhook is taken; afterwards all is as before', async () => {
    const api = await start('api/server.ts', { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    const [, port = ''] = await api.said(/"port":(\d+)/);
    const origin = `http://127.0.0.1:${port}`;
    while ((await fetch(`${origin}/health/ready`)).status !== 200) await delay(50);
    const ask = (): Promise<Response> => fetch(`${origin}/api/customers`, { headers: { cookie } });

    // Whatever asks for customers keeps its connection, until there is none left to wait for.
    const lock = await database.db.transaction();
    await lock.raw('lock table customers');
    const stuck = Array.from({ length: 190 }, ask);
    let shed = ask();
    for (let answer = await Promise.race([shed, delay(300)]); !answer; answer = await Promise.race([shed, delay(300)]))
      shed = ask();
    const refusal = await shed;
    expect([refusal.status, refusal.headers.get('content-type')]).toEqual([503, 'application/problem+json; charset=utf-8']);
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);

    const webhooks = await Promise.all(
      Array.from({ length: 50 }, (_, number) =>
        fetch(`${origin}/mango/events/call`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: event(number),
        }),
      ),
    );
    expect(webhooks.map(({ status }) => status)).toEqual(webhooks.map(() => 200));
    await lock.commit();
    await Promise.all(stuck);
    let after = await ask();
    // Whatever waited has to be served first.
    for (let tries = 0; after.status === 503 && tries < 100; tries++) {
      await delay(50);
      after = await ask();
    }
    expect(after.status).toBe(200);
    expect(Number(((await database.db('inbox').count('* as n')) as { n: string }[])[0]?.n)).toBe(50);
  });
});
