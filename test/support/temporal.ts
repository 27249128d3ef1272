import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { ensureWorkflowBundle } from '../../run/workflow-bundle.ts';

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

/** `workflowBundle` for `Worker.create`, bundled once per state of the sources (global setup does it before the first test). */
export async function workflowBundle(): Promise<{ readonly codePath: string }> {
  return { codePath: await ensureWorkflowBundle() };
}
