import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashPassword } from '../../api/passwords.ts';
import { startTestApi, type Answer, type TestApi } from '../support/api.ts';

const TRIES = 100;
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

it('a hundred wrong passwords and a hundred unknown e-mails are told apart by nothing', { timeout: 300_000 }, async () => {
  await api.addAgent({ email: 'known@test.local', password_hash: await hashPassword('correct horse battery') });
  const attempt = async (email: string): Promise<{ readonly ms: number; readonly answer: Answer }> => {
    const startedAt = performance.now();
    const answer = await api.nobody.post('/api/session', { email, password: 'not the password' });
    return { ms: performance.now() - startedAt, answer };
  };
  const times = { known: [] as number[], unknown: [] as number[] };
  const said = new Set<string>();
  for (let index = 0; index < TRIES; index += 1) {
    // Who asks so often would be stopped; each of a pair goes first as often as the other.
    await api.db('sign_in_attempts').delete();
    for (const who of index % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)) {
      const { ms, answer } = await attempt(`${who}@test.local`);
      times[who].push(ms);
      const { requestId: _, ...body } = answer.body as Record<string, unknown>;
      const { date: _date, 'x-request-id': _id, ...headers } = Object.fromEntries(answer.headers);
      said.add(JSON.stringify([answer.status, body, headers]));
    }
  }
  expect([...said]).toEqual([expect.stringContaining('[401,')]);
  const middle = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length / 2] ?? 0;
  const [known, unknown] = [middle(times.known), middle(times.unknown)];
  expect(Math.max(known, unknown) / Math.min(known, unknown), `${known} and ${unknown} ms`).toBeLessThan(1.25);
});
