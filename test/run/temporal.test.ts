import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { registerSearchAttributes } from '../../activities/search-attributes.ts';
import { startTemporal, type RunningTemporal } from '../../run/temporal.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let directory: string;
let running: RunningTemporal | undefined;

beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'trubka-temporal-'))));
afterEach(async () => {
  await running?.stop();
  running = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function start(): Promise<RunningTemporal> {
  running = await startTemporal({ directory });
  return running;
}

async function connected<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

test('what it took survives a restart on the same port, and closed calls are kept for a week', async () => {
  const first = await start();
  expect(first.isNew).toBe(true);
  await connected(first.address, async (client) => {
    await client.workflow.start('nobody-runs-it', { taskQueue: 'none', workflowId: 'kept' });
    const { config } = await client.workflowService.describeNamespace({ namespace: 'default' });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(7 * 86_400);
  });
  await first.stop();
  const second = await start();
  expect(second).toMatchObject({ isNew: false, address: first.address, uiUrl: first.uiUrl });
  await connected(second.address, async (client) => {
    expect((await client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
  });
});

test.runIf(process.platform === 'linux')('every thread of it stands back where processors are scarce', async () => {
  const { service } = await start();
  const threads = readdirSync(`/proc/${service.pid}/task`).map(Number);
  expect(threads.length).toBeGreaterThan(1);
  expect(new Set(threads.map((thread) => getPriority(thread)))).toEqual(new Set([getPriority() + 5]));
});

test('the database of another server version is moved aside with all its parts, never deleted', async () => {
  for (const name of ['temporal-1.20.0.db', 'temporal-1.20.0.db-wal']) writeFileSync(join(directory, name), name);
  expect((await start()).isNew).toBe(true);
  const aside = readdirSync(directory).find((name) => name.startsWith('aside-')) ?? '';
  expect(readdirSync(join(directory, aside)).sort()).toEqual(['temporal-1.20.0.db', 'temporal-1.20.0.db-wal']);
  expect(readFileSync(join(directory, aside, 'temporal-1.20.0.db'), 'utf8')).toBe('temporal-1.20.0.db');
});

test('calls can be found by state, direction, agents and tickets, however often that is registered', async () => {
  const { address } = await start();
  await registerSearchAttributes({ address, namespace: 'default' });
  await registerSearchAttributes({ address, namespace: 'default' });
  await connected(address, async (client) => {
    const query = `CallState = 'talking' and CallDirection = 'incoming' and CallAgents = 'a' and CallTickets = '1'`;
    await expect
      .poll(() =>
        client.workflow.count(query).then(
          ({ count }) => count,
          () => undefined,
        ),
      )
      .toBe(0);
  });
});
