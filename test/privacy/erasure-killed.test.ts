import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Erasure } from '../../api/contract/privacy.ts';
import { eventually } from '../support/live-call.ts';
import { startProcesses, type Killable, type RunningProcesses } from '../support/processes.ts';
import { dumpOf, linesWith } from './dump.ts';

let processes: RunningProcesses;
beforeAll(async () => {
  processes = await startProcesses();
}, 120_000);
afterAll(() => processes.stop(), 60_000);

const MINUTE = 60_000;

test.each<[Killable, string]>([
  ['worker', '+79097654001'],
  ['temporal', '+79097654002'],
  ['api', '+79097654003'],
])(
  'an erasure ordered just before the %s is killed comes to its end, nothing left and one line in the log',
  async (which, phone) => {
    const { db } = processes.database;
    await db('agents').where({ email: 'anna@demo.local' }).update({ role: 'admin' });
    const admin = await processes.signIn('anna@demo.local');
    const { id } = await admin.post<{ id: string }>('/api/customers', { fullName: 'Денис Давыдов', phones: [phone] });
    const call = processes.pbx.incoming({ from: phone });
    await call.ring('101');
    await call.giveUp();
    await call.finish();
    await eventually(
      async () => (await db('tickets').where({ customer_id: id })) as unknown[],
      (rows) => rows.length === 1,
      MINUTE,
    );
    const { id: erasureId } = await admin.post<Erasure>(`/api/customers/${id}/erasure`, { reason: 'request', texts: 'erase' });
    await processes.kill(which);
    await processes.healed();
    await eventually(
      async () => (await db('erasures').where({ id: erasureId }).first('state')) as { state: string },
      ({ state }) => state === 'done',
      2 * MINUTE,
    );
    expect(linesWith(await dumpOf(db), phone.slice(2), 'Давыдов')).toEqual([]);
    expect(await db('destruction_log').where({ erasure_id: erasureId })).toHaveLength(1);
  },
  200_000,
);
