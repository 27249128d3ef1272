import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { temporal } from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { CALLBACK_STORIES, HISTORY_SCENARIOS } from '../support/history-scenarios.ts';
import { workflowBundle } from '../support/temporal.ts';

const { History } = temporal.api.history.v1;
const DIRECTORY = fileURLToPath(new URL('../histories/', import.meta.url));

test('every recorded call replays with the present workflow: a change that breaks calls in flight fails here', async () => {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith('.json'));
  expect(names.map((name) => name.replace(/^(.*?)(\.v\d+)?\.json$/, '$1'))).toEqual(
    expect.arrayContaining([...Object.keys(HISTORY_SCENARIOS), ...Object.keys(CALLBACK_STORIES)]),
  );
  async function* histories() {
    for (const name of names) {
      yield { workflowId: name, history: History.fromObject(JSON.parse(await readFile(DIRECTORY + name, 'utf8')) as object) };
    }
  }
  const broken: string[] = [];
  let replayed = 0;
  for await (const result of Worker.runReplayHistories({ workflowBundle: await workflowBundle() }, histories())) {
    replayed += 1;
    if (result.error) broken.push(`${result.workflowId}: ${result.error.message}`);
  }
  expect(broken).toEqual([]);
  expect(replayed).toBe(names.length);
});
