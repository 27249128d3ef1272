import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTemplate, serverUrl } from './database.ts';
import { temporalAddress, workflowBundle } from './temporal.ts';

/**
 * Postgres and Temporal for all test files: the servers named in TEST_DATABASE_URL and TEST_TEMPORAL_ADDRESS (with TEST_TEMPORAL_UI_URL),
 * else throw-away ones. Test processes find the addresses in the same variables.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  try {
    await Promise.all([providePostgres(stops), provideTemporal(stops), workflowBundle()]);
  } catch (error) {
    await stopAll(stops);
    throw error;
  }
  return () => stopAll(stops);
}

async function providePostgres(stops: (() => Promise<void>)[]): Promise<void> {
  if (!process.env['TEST_DATABASE_URL']) {
    const { startPostgres } = await import('../../run/postgres.ts');
    const directory = await temporaryDirectory(stops);
    const postgres = await startPostgres({ directory, durable: false });
    stops.push(() => postgres.stop());
    process.env['TEST_DATABASE_URL'] = postgres.serverUrl;
  }
  await ensureTemplate(serverUrl());
}

async function provideTemporal(stops: (() => Promise<void>)[]): Promise<void> {
  if (!process.env['TEST_TEMPORAL_ADDRESS']) {
    const { startTemporal } = await import('../../run/temporal.ts');
    const temporal = await startTemporal({ directory: null });
    stops.push(() => temporal.stop());
    process.env['TEST_TEMPORAL_ADDRESS'] = temporal.address;
    process.env['TEST_TEMPORAL_UI_URL'] = temporal.uiUrl;
  }
  const { registerSearchAttributes } = await import('../../activities/search-attributes.ts');
  await registerSearchAttributes({ address: temporalAddress(), namespace: 'default' });
}

async function temporaryDirectory(stops: (() => Promise<void>)[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trubka-test-'));
  stops.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Last started, first stopped; one that fails to stop does not keep the others running. */
async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.reverse()) await stop().catch((error: unknown) => console.error(error));
}
