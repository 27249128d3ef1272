import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection } from '@temporalio/worker';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRY = join(ROOT, 'workflows/index.ts');
const CACHE = join(ROOT, 'node_modules/.cache/trubka');

export interface TestTemporal {
  readonly address: string;
  readonly namespace: string;
  /** For `new Client` and the API. */
  readonly connection: Connection;
  readonly client: Client;
  /** For `Worker.create`. */
  readonly nativeConnection: NativeConnection;
  close(): Promise<void>;
}

/** Connections to the server that global setup found or started. Close them in `afterAll`. */
export async function connectTemporal(): Promise<TestTemporal> {
  const address = temporalAddress();
  const namespace = 'default';
  const connection = await Connection.connect({ address });
  const nativeConnection = await NativeConnection.connect({ address });
  return {
    address,
    namespace,
    connection,
    client: new Client({ connection, namespace }),
    nativeConnection,
    async close() {
      await connection.close();
      await nativeConnection.close();
    },
  };
}

export function temporalAddress(): string {
  const address = process.env['TEST_TEMPORAL_ADDRESS'];
  if (!address)
    throw new Error(
      'TEST_TEMPORAL_ADDRESS is not set: the test runs outside the projects that have test/support/global-setup.ts',
    );
  return address;
}

/** Workflow ids and task queues are shared by all tests on one server: every test takes its own. */
export function uniqueTaskQueue(name = 'test'): string {
  return `${name}-${randomUUID()}`;
}

/**
 * `workflowBundle` for `Worker.create`, bundled once per state of the sources (global setup does it before the first test).
 */
export async function workflowBundle(): Promise<{ readonly codePath: string }> {
  const codePath = join(CACHE, `workflows-${await sourcesHash()}.js`);
  if (!existsSync(codePath)) {
    const { code } = await bundleWorkflowCode({ workflowsPath: ENTRY, logger: new DefaultLogger('WARN') });
    await mkdir(CACHE, { recursive: true });
    const draft = `${codePath}.${process.pid}`;
    await writeFile(draft, code);
    await rename(draft, codePath);
  }
  return { codePath };
}

export function hasWorkflows(): boolean {
  return existsSync(ENTRY);
}

async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(ROOT, 'node_modules/@temporalio/worker/package.json')));
  for (const directory of ['workflows', 'domain']) {
    const names = (await readdir(join(ROOT, directory), { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
    for (const name of names) {
      const path = join(ROOT, directory, name);
      hash.update(relative(ROOT, path)).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
