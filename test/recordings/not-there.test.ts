import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FETCH_ATTEMPTS } from '../../domain/decisions.ts';
import { eventually } from '../support/live-call.ts';
import { startProduct, type Product } from '../support/product.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct({ pbx: { faults: { recordings: { notReadyTimes: FETCH_ATTEMPTS } } } });
}, 120_000);
afterAll(() => product.stop(), 60_000);

interface Row {
  readonly id: string;
  readonly call_id: string;
  readonly attempts: number;
  readonly state: string;
  readonly reason: string | null;
}
interface Ticket {
  readonly id: string;
  readonly messages: readonly { conversation: { recording: { state: string; reason: string | null } | null } | null }[];
}

const rowOf = async (): Promise<Row | undefined> => (await product.database.db('recordings').first()) as Row | undefined;
/** How the recording stands in the ticket. */
async function recordingInTicket(): Promise<unknown> {
  const { items } = await product.anna.get<{ items: { id: string }[] }>('/api/tickets');
  const { messages } = await product.anna.get<Ticket>(`/api/tickets/${items[0]?.id}`);
  return messages.flatMap(({ conversation }) => conversation?.recording ?? [])[0];
}

/** The pauses between attempts are rules, and tested as such (`domain/recordings`); here nobody waits for them, as an admin asks at once. */
test('R19: what the PBX never has is given up after the last attempt, with the reason; asked for once more, it is there', async () => {
  const call = product.pbx.incoming({ from: '+79031112233' });
  await call.ring('101');
  await call.answer('101');
  await call.pass(12);
  await call.hangUp();
  await call.finish();
  const first = await eventually(rowOf, (row) => row?.reason === 'not_found', 60_000);
  expect(first).toMatchObject({ state: 'pending', attempts: 1 });
  expect(await recordingInTicket()).toMatchObject({ state: 'pending', reason: 'not_found' });

  const ask = () =>
    product.admin.post(`/api/calls/${first?.call_id}/actions`, {
      ...{ actionId: randomUUID(), type: 'fetch_recording_again', recordingId: first?.id },
    });
  for (let before = first; before?.state === 'pending' && before.attempts < FETCH_ATTEMPTS; before = await rowOf()) {
    await ask();
    // Whoever asks while the last answer is still on its way asks for nothing.
    await eventually(rowOf, (row) => (row?.attempts ?? 0) > (before?.attempts ?? 0), 1_000).catch(() => undefined);
  }
  const givenUp = await eventually(rowOf, (row) => row?.state === 'unavailable', 60_000);
  expect(givenUp).toMatchObject({ reason: 'not_found', attempts: FETCH_ATTEMPTS });
  expect(await recordingInTicket()).toMatchObject({ state: 'unavailable', reason: 'not_found' });

  await ask();
  await eventually(rowOf, (row) => row?.state === 'ready', 60_000);
  expect(await recordingInTicket()).toMatchObject({ state: 'ready', reason: null });
}, 180_000);
