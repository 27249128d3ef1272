import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { logSteps } from '../../activities/step-log.ts';
import { createLogger } from '../../db/log.ts';

function setUp() {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { lines, log: createLogger('worker', { level: 'info', destination }) };
}

test('a step that makes a ticket leaves a line with the ids of call and ticket, and nothing of what was said', async () => {
  const { lines, log } = setUp();
  const results = [{ type: 'done' }, { type: 'ticketed', ticketId: '17' }];
  const steps = logSteps({ applyDecisions: (_input: { callId: string; subject: string }) => Promise.resolve(results) }, log);
  expect(await steps.applyDecisions({ callId: 'c1', subject: 'тайна' })).toBe(results);
  expect(lines).toMatchObject([{ msg: 'Step done', level: 'info', step: 'applyDecisions', callId: 'c1', tickets: ['17'] }]);
  expect(JSON.stringify(lines)).not.toContain('тайна');
});

test('a step that fails says so with the call’s id and fails all the same; one that only looks is silent', async () => {
  const { lines, log } = setUp();
  const steps = logSteps(
    {
      isMoreComing: (_callId: string) => Promise.resolve(false),
      loadCallState: (_callId: string) => Promise.reject(new Error('gone')),
    },
    log,
  );
  expect(await steps.isMoreComing('c2')).toBe(false);
  await expect(steps.loadCallState('c3')).rejects.toThrow('gone');
  expect(lines).toMatchObject([
    { msg: 'Step failed', level: 'warn', step: 'loadCallState', callId: 'c3', err: { message: 'gone' } },
  ]);
});
