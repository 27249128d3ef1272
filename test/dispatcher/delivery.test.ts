import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPhoneCountry, writeSettings } from '../../db/settings.ts';
import { eventually, legEvent, newEntry, openOffice, type Office } from './office.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.tearDown());

test('a stored event starts the workflow of its entry and reaches it in the words of the domain', async () => {
  const agentId = await office.addAgent();
  await office.addOperator('101', { agentId });
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, 'leg', 1, 'Appeared'));

  await office.dispatcher().drainOnce();

  const { input, messages } = await office.heard(entry);
  const call = await office.db('calls').where({ entry_id: entry }).first();
  expect(input).toMatchObject({ callId: call.id, limits: { draftGraceMs: 2_000, settleMs: 30_000 } });
  expect(messages).toEqual([
    {
      type: 'leg',
      inboxId: expect.any(Number),
      receivedAt: expect.any(Number),
      legId: 'leg',
      seq: 1,
      state: 'appeared',
      location: 'person',
      from: { kind: 'outside', number: 0 },
      to: { kind: 'agent', agentId },
      takenFrom: null,
      transfer: null,
      command: null,
      at: 1_700_000_001_000,
      reason: null,
    },
  ]);
  expect(call).toMatchObject({
    phone: '+79990000001',
    line: '+74950000000',
    workflow_id: office.workflowIdOf(entry),
    state: 'active',
  });
  expect(await office.inboxRow('call:leg:1:Appeared')).toMatchObject({ verdict: 'delivered', last_error: null });
});

test('a number without a country code is read by the stored country at once; the environment wins', async () => {
  const phoneOf = async (country: string | undefined): Promise<string> => {
    const entry = newEntry();
    if (country !== undefined) await writeSettings(office.db, { phoneCountry: country });
    const event = legEvent(entry, `${entry}/a`, 1, 'Appeared');
    await office.receive('/events/call', { ...event, from: { number: '07911123456' } });
    await dispatcher.drainOnce();
    const call = (await office.db('calls').where({ entry_id: entry }).first('phone')) as { phone: string };
    return call.phone;
  };
  const dispatcher = office.dispatcher();
  expect(await phoneOf('GB')).toBe('+447911123456');
  expect(await phoneOf('DE')).toBe('+497911123456');
  expect(await readPhoneCountry(office.db, { phoneCountry: 'KZ', phoneCountryGiven: true })).toBe('KZ');
  await office.db('settings').where({ key: 'phoneCountry' }).delete();
  expect(await readPhoneCountry(office.db, { phoneCountry: 'RU', phoneCountryGiven: false })).toBe('RU');
});

test('a running dispatcher delivers what is committed without being asked', async () => {
  const dispatcher = office.dispatcher();
  await dispatcher.start();
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}/a`, 1, 'Appeared'));
  await eventually(async () => expect((await office.heard(entry)).messages).toHaveLength(1));
  await office.receive('/events/call', legEvent(entry, `${entry}/a`, 2, 'Connected'));
  await eventually(async () =>
    expect((await office.heard(entry)).messages.map((m) => m.type === 'leg' && m.seq)).toEqual([1, 2]),
  );
  await dispatcher.stop();
});

test('the customer of a call is the first number heard of, whatever comes after', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}/a`, 1, 'Appeared', { from: { number: '79990000001' } }));
  await office.receive(
    '/events/call',
    legEvent(entry, `${entry}/b`, 1, 'Appeared', {
      from: { extension: '101', taken_from_call_id: `${entry}/a` },
      to: { number: '79990000009' },
    }),
  );
  await office.dispatcher().drainOnce();
  expect(await office.db('calls').where({ entry_id: entry }).first()).toMatchObject({ phone: '+79990000001' });
  const call = await office.db('calls').where({ entry_id: entry }).first();
  const numbers = await office.db('call_numbers').where({ call_id: call.id }).orderBy('ref').select('ref', 'number');
  expect(numbers).toEqual([
    { ref: 0, number: '+79990000001' },
    { ref: 1, number: '+79990000009' },
  ]);
});

test('whoever is consulted in the call of a hidden caller is not its customer', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}/a`, 1, 'Appeared', { from: {} }));
  await office.dispatcher().drainOnce();
  await office.receive(
    '/events/call',
    legEvent(entry, `${entry}/b`, 1, 'Appeared', { from: { extension: '101' }, to: { number: '79990000009' } }),
  );
  await office.dispatcher().drainOnce();
  expect(await office.db('calls').where({ entry_id: entry }).first()).toMatchObject({ phone: null });
});

test('what the PBX says in a state nobody knows is ignored, and the inspector says why', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}/a`, 1, 'Levitating'));
  await office.receive('/events/call', legEvent(entry, `${entry}/a`, 2, 'Connected', { to: { extension: '4711' } }));
  await office.dispatcher().drainOnce();
  expect(await office.inboxRow(`call:${entry}/a:1:Levitating`)).toMatchObject({ verdict: 'ignored', why: 'unknown_state' });
  expect(await office.inboxRow(`call:${entry}/a:2:Connected`)).toMatchObject({ verdict: 'delivered', why: 'operator_unknown' });
  expect((await office.heard(entry)).messages).toHaveLength(1);
});

test('facts from the statistics go the same way, and say where they come from', async () => {
  const entry = newEntry();
  await office.db('inbox').insert({
    source: 'reconcile',
    integration_id: office.integrationId,
    key: `reconcile:${entry}`,
    entry,
    path: '/events/call',
    body: JSON.stringify(legEvent(entry, `${entry}/a`, 1, 'Connected')),
  });
  await office.dispatcher().drainOnce();
  expect((await office.heard(entry)).messages).toMatchObject([{ type: 'leg', reconciled: true }]);
});
