import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TestCall } from '../../api/contract/self-test.ts';
import { codeOf, fieldsOf } from '../support/api.ts';
import { DEMO_ACCOUNT, signedForm } from '../support/pbx.ts';
import { openSelfTestStage, type SelfTestStage } from '../support/self-test-stage.ts';

let stage: SelfTestStage;
beforeAll(async () => {
  stage = await openSelfTestStage();
});
afterEach(() => stage.stopWorker());
afterAll(() => stage.close());

const eventually = (look: () => Promise<void>): Promise<void> => vi.waitFor(look, { timeout: 30_000, interval: 200 });
const usersAsked = (): number => stage.pbx.log.received.filter(({ path }) => path.includes('/config/users/request')).length;

/** An incoming call that 101 answers, as far as the faults in force let it through. */
async function talk(options: Parameters<SelfTestStage['pbx']['incoming']>[0] = {}, extension = '101'): Promise<void> {
  const call = stage.pbx.incoming({ from: '+79161234567', ...options });
  await call.ring(extension);
  await call.answer(extension);
  await call.hangUp();
  await call.finish();
  await stage.pbx.settled();
}
/** So long ago that what has not come by now does not come. */
const letTimePass = (): Promise<unknown> =>
  stage.db('inbox').update({ received_at: stage.db.raw(`received_at - interval '10 minutes'`) });
const recordingSettled = (state: string, reason: string | null): Promise<void> =>
  eventually(async () => {
    const own = stage.db('calls').where({ integration_id: stage.account.id }).select('id');
    const rows = (await stage.db('recordings').whereIn('call_id', own).select('state', 'reason')) as unknown[];
    expect(rows).toEqual([{ state, reason }]);
  });

describe('The self-test of a PBX account', () => {
  it('finds nothing wrong where calls come in and are recorded', async () => {
    await stage.connect();
    await stage.startWorker();
    await talk();
    await recordingSettled('ready', null);
    stage.change({ publicUrl: stage.url });
    const found = await stage.selfTest();
    const wrong = found.checks.filter(({ verdict }) => verdict !== 'ok').map(({ code }) => code);
    // The test's own address is not encrypted: that is said, and nothing else.
    expect(wrong).toEqual(['address_not_https']);
    expect(found.events).toMatchObject({ call: expect.any(String), summary: expect.any(String), callback_result: null });
  });

  it('says «not yet» of a new account, and calls none of it a fault', async () => {
    await stage.connect();
    const codes = Object.fromEntries(
      (await stage.selfTest()).checks.map(({ check, code, verdict }) => [check, `${verdict} ${code}`]),
    );
    expect(codes).toMatchObject({
      credentials: 'ok credentials_ok',
      events: 'unknown no_call_yet',
      signature: 'unknown no_event_yet',
      clock: 'unknown clock_unknown',
      recording: 'unknown no_talk_yet',
      mapping: 'ok mapping_ok',
    });
  });

  it('tells a wrong salt (3102), remembers it, and does not ask a second time', async () => {
    await stage.connect({ apiSalt: 'another-salt', operators: 'unread', pbx: { limits: true } });
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'failed', code: 'salt_wrong', at: null });
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'failed', code: 'salt_wrong', at: expect.any(String) });
    expect(await stage.check('lockout')).toMatchObject({ verdict: 'warning', code: 'holding_back', at: expect.any(String) });
    expect(usersAsked()).toBe(1);
  });

  it('tells a wrong key (3105), and is content as soon as it is corrected', async () => {
    await stage.connect({ apiKey: 'another-key', operators: 'unread', pbx: { limits: true } });
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'failed', code: 'key_wrong' });
    await stage.admin.patch(`/api/integrations/${stage.account.id}`, { apiKey: stage.pbx.credentials.key });
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'ok', code: 'credentials_ok', params: { n: 4 } });
  });

  it('tells a lock-out (401), and until when', async () => {
    await stage.connect({ operators: 'unread' });
    stage.pbx.setFaults({ commands: [{ lockedOut: true }] });
    expect(await stage.check('lockout')).toMatchObject({ verdict: 'failed', code: 'locked_out', at: expect.any(String) });
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'unknown', code: 'credentials_not_asked' });
    expect(usersAsked()).toBe(1);
  });

  it('tells that the PBX limits the rate (429)', async () => {
    await stage.connect({ operators: 'unread' });
    stage.pbx.setFaults({ commands: [{ rateLimited: true }] });
    expect(await stage.check('quota')).toMatchObject({ verdict: 'warning', code: 'rate_limited' });
  });

  it('tells that the PBX refuses access, and that it is not there', async () => {
    await stage.connect({ operators: 'unread' });
    stage.pbx.setFaults({ commands: [{ code: 5006, httpStatus: 403 }] });
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'failed', code: 'access_denied' });
    await stage.pbx.stop();
    expect(await stage.check('credentials')).toMatchObject({ verdict: 'failed', code: 'pbx_unreachable' });
  });

  it('tells of the address: not set, private, silent, somebody else’s, and what cannot be known', async () => {
    await stage.connect({ operators: 'unread' });
    expect(await stage.check('address')).toMatchObject({ verdict: 'failed', code: 'address_not_set' });
    stage.change({ publicUrl: stage.url });
    expect(await stage.check('address')).toMatchObject({ verdict: 'failed', code: 'address_private' });
    stage.change({ publicUrl: 'http://nobody.invalid' });
    expect(await stage.check('address')).toMatchObject({ verdict: 'failed', code: 'address_not_answering' });
    const other = createServer((_request, response) => response.writeHead(404).end('<h1>nginx</h1>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    await talk();
    stage.change({ publicUrl: `http://127.0.0.1:${(other.address() as AddressInfo).port}` });
    expect(await stage.check('address')).toMatchObject({ verdict: 'warning', code: 'address_events_but_no_ping' });
    await new Promise((resolve) => other.close(resolve));
  });

  it('tells which kinds of events are not ticked', async () => {
    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ path: 'events/call', lose: true }] });
    await talk();
    expect(await stage.check('events')).toMatchObject({ verdict: 'failed', code: 'call_events_missing', items: ['call'] });

    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ path: 'events/summary', lose: true }] });
    await talk();
    expect((await stage.check('events')).code).toBe('events_ok');
    await letTimePass();
    // Another account may use the same ids.
    const own = stage.db('inbox').where({ integration_id: stage.account.id });
    const { entry } = (await own.whereNotNull('entry').first('entry')) as { entry: string };
    const elsewhere = { source: 'pbx', key: randomUUID(), path: '/events/summary', entry, body: '{}', verdict: 'kept' };
    await stage.db('inbox').insert({ ...elsewhere, delivered_at: new Date() });
    expect(await stage.check('events')).toMatchObject({ verdict: 'warning', code: 'summary_events_missing', items: ['summary'] });

    await stage.connect();
    await stage.startWorker();
    stage.pbx.setFaults({
      deliveries: [
        { path: 'events/recording', lose: true },
        { path: 'record/added', lose: true },
      ],
    });
    await talk();
    await recordingSettled('unavailable', 'not_recorded');
    expect(await stage.check('events')).toMatchObject({
      verdict: 'warning',
      code: 'recording_events_missing',
      items: ['recording', 'record_added'],
    });
  });

  it('tells which part of the signature of the last event differs', async () => {
    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ badSignature: true }] });
    await talk();
    await eventually(async () => expect(await stage.check('signature')).toMatchObject({ verdict: 'failed', code: 'sign_wrong' }));
    // Whoever has no key hides nothing.
    const refusals = async (): Promise<number> => (await stage.db('refused_events').whereNull('integration_id')).length;
    const before = await refusals();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    await fetch(`${stage.url}/mango/events/call`, { method: 'POST', headers, body: 'vpbx_api_key=x&json={}' });
    await eventually(async () => expect(await refusals()).toBeGreaterThan(before));
    expect(await stage.check('signature')).toMatchObject({ verdict: 'failed', code: 'sign_wrong' });
    expect((await stage.check('address')).code).toBe('address_reached_refused');
    // What came before the salt was entered anew says nothing of the new one.
    await stage.admin.patch(`/api/integrations/${stage.account.id}`, { apiSalt: stage.pbx.credentials.salt });
    expect((await stage.check('signature')).code).toBe('no_event_yet');

    await stage.connect();
    const earlier = { path: '/events/call', reason: 'unknown_key', at: new Date(Date.now() - 3_600_000) };
    await stage.db('refused_events').insert(earlier);
    expect((await stage.check('signature')).code).toBe('no_event_yet');

    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ wrongKey: true }] });
    await talk();
    await eventually(async () => expect(await stage.check('signature')).toMatchObject({ verdict: 'failed', code: 'key_typo' }));

    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ wrongKey: true, badSignature: true }] });
    await talk();
    await eventually(async () =>
      expect(await stage.check('signature')).toMatchObject({
        verdict: 'failed',
        code: 'key_differs',
        params: { address: '127.0.0.1' },
      }),
    );
    stage.pbx.setFaults({});
    await talk();
    expect((await stage.check('signature')).code).toBe('signature_ok');
    stage.pbx.setFaults({ deliveries: [{ wrongKey: true, badSignature: true }] });
    await talk();
    await eventually(async () =>
      expect(await stage.check('signature')).toMatchObject({ verdict: 'warning', code: 'stranger_key' }),
    );
  });

  it('tells that somebody on the way damages the events, or that they are not signed', async () => {
    await stage.connect();
    const send = (body: string, type: string): Promise<unknown> =>
      fetch(`${stage.url}/mango/events/call`, { method: 'POST', headers: { 'content-type': type }, body });
    await send(signedForm('{}', stage.pbx.credentials), 'application/json');
    await eventually(async () =>
      expect(await stage.check('signature')).toMatchObject({ code: 'body_damaged', params: { reason: 'not_a_form' } }),
    );
    await send('vpbx_api_key=x&json={}', 'application/x-www-form-urlencoded');
    await eventually(async () =>
      expect(await stage.check('signature')).toMatchObject({ verdict: 'warning', code: 'stranger_unsigned' }),
    );
    const own = new URLSearchParams({ vpbx_api_key: stage.pbx.credentials.key, json: '{}' });
    await send(own.toString(), 'application/x-www-form-urlencoded');
    await eventually(async () => expect(await stage.check('signature')).toMatchObject({ verdict: 'failed', code: 'not_signed' }));
  });

  it('tells a clock that is off, and bears with three hours', async () => {
    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ path: 'events/call', clockSeconds: 1200 }] });
    await talk();
    const off = await stage.check('clock');
    expect(off).toMatchObject({ verdict: 'failed', code: 'clock_off', params: { sign: 'ahead' } });
    expect(Math.abs(Number(off.params['seconds']) - 1200)).toBeLessThan(60);

    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ path: 'events/call', clockSeconds: 3 * 3600 }] });
    await talk();
    expect(await stage.check('clock')).toMatchObject({ verdict: 'ok', code: 'clock_three_hours' });
  });

  it('tells of operators: never read, unknown in events, changed in the PBX', async () => {
    const operators = [...DEMO_ACCOUNT.operators];
    await stage.connect({ operators: 'unread', pbx: { account: { ...DEMO_ACCOUNT, operators } } });
    expect(await stage.check('operators')).toMatchObject({ verdict: 'failed', code: 'operators_never_read' });
    await stage.admin.post('/api/operators/refresh', { integrationId: stage.account.id });
    expect((await stage.check('operators')).code).toBe('operators_ok');
    operators.splice(1, 1, { ...operators[1]!, extension: '110' });
    expect(await stage.check('operators')).toMatchObject({ code: 'operators_changed', items: ['+110', '−102'] });
    await talk({}, '107');
    expect(await stage.check('operators')).toMatchObject({ verdict: 'warning', code: 'extensions_unknown', items: ['107'] });
  });

  it('tells of the mapping: nobody, everybody ignored, some left, people who left', async () => {
    await stage.connect({ operators: 'read' });
    const own = () => stage.db('operators').where({ integration_id: stage.account.id });
    expect(await stage.check('mapping')).toMatchObject({ verdict: 'failed', code: 'none_mapped', params: { n: 4 } });
    await own().where({ extension: '101' }).update({ agent_id: stage.admin.id });
    expect(await stage.check('mapping')).toMatchObject({ verdict: 'warning', code: 'some_unmapped', params: { n: 3 } });
    const gone = { full_name: 'Ушла', email: 'gone@demo.local', role: 'agent', deactivated_at: new Date() };
    const [left] = (await stage.db('agents').insert(gone).returning('id')) as { id: string }[];
    await own().where({ extension: '101' }).update({ agent_id: left!.id });
    expect((await stage.check('mapping')).code).toBe('only_inactive_mapped');
    await own().update({ agent_id: null, ignored: true });
    expect(await stage.check('mapping')).toMatchObject({ verdict: 'failed', code: 'all_ignored', params: { n: 4 } });
  });

  it.each([
    ['sent by mail only', 'mail', {}, 'unavailable', 'mail_only', 'recording_mail_only'],
    ['of which none is made', 'none', {}, 'unavailable', 'not_recorded', 'recording_never'],
    ['the PBX refuses to hand out (3xxx)', 'stored', { code: 3300 }, 'unavailable', 'refused', 'recording_refused'],
    ['for which the account lacks the service (52xx)', 'stored', { code: 5201 }, 'pending', 'refused', 'recording_refused'],
  ] as const)('tells of recordings %s', async (_what, record, fault, state, reason, code) => {
    await stage.connect();
    await stage.startWorker();
    if ('code' in fault) stage.pbx.setFaults({ commands: [{ path: 'queries/recording/post', ...fault }] });
    await talk({ record });
    await recordingSettled(state, reason);
    expect((await stage.check('recording')).code).toBe(code);
  });

  it('tells that no worker is there, and that events wait for one', async () => {
    await stage.connect();
    await talk();
    await letTimePass();
    expect(await stage.check('worker')).toMatchObject({
      verdict: 'failed',
      code: 'worker_away',
      params: { count: expect.any(Number) },
    });
    expect((await stage.check('temporal')).code).toBe('temporal_ok');
    await stage.startWorker();
    await eventually(async () => expect((await stage.check('worker')).code).toBe('worker_ok'));
  });

  it('tells that Temporal is away', async () => {
    await stage.connect();
    stage.change({ temporal: { address: '127.0.0.1:1', namespace: 'default' } });
    expect(await stage.check('temporal')).toMatchObject({ verdict: 'failed', code: 'temporal_away' });
    expect((await stage.check('worker')).code).toMatch(/^(worker_not_known|delivery_stuck)$/);
  });

  it('tells that the disk is nearly full', async () => {
    await stage.connect({ operators: 'unread' });
    stage.change({ statfs: async () => ({ bavail: 1, blocks: 100, bsize: 1024 ** 3 }) });
    expect(await stage.check('disk')).toMatchObject({ verdict: 'warning', code: 'disk_low', params: { gigabytes: 1 } });
    stage.change({ statfs: async () => ({ bavail: 50, blocks: 100_000, bsize: 1024 ** 2 }) });
    expect((await stage.check('disk')).code).toBe('disk_full');
  });

  it('asks the PBX once for two admins who press the button together', async () => {
    await stage.connect({ operators: 'unread' });
    const [one, two] = await Promise.all([stage.selfTest(), stage.selfTest()]);
    expect(one.at).toBe(two.at);
    expect(usersAsked()).toBe(1);
  });
});

describe('A test call', () => {
  const states = ({ steps }: TestCall): string => steps.map(({ step, state }) => `${step}:${state}`).join(' ');
  const failure = ({ steps }: TestCall) => steps.find(({ state }) => state === 'failed');

  it('shows each step as it happens, down to the ticket and the recording', async () => {
    await stage.connect();
    await stage.startWorker();
    const look = await stage.testCall();
    const call = await stage.pbx.nextCallback();
    await eventually(async () => expect(states(await look())).toContain('agent_rings:done agent_answers:waiting'));
    await call.operatorAnswers();
    await eventually(async () => expect(states(await look())).toContain('customer_rings:done customer_answers:waiting'));
    await call.customerAnswers();
    await eventually(async () => expect(states(await look())).toContain('customer_answers:done ended:waiting'));
    await call.finish();
    await eventually(async () => expect(await look()).toMatchObject({ over: true, ticket: { number: expect.any(Number) } }));
    expect((await look()).steps.every(({ state }) => state === 'done')).toBe(true);
    const stored = JSON.stringify(await stage.db('test_calls').select()) + JSON.stringify(await stage.db('audit_log').select());
    expect(stored).not.toContain('79161112233');
  });

  it('explains a command that the PBX refuses', async () => {
    await stage.connect({ operators: 'mapped' });
    stage.pbx.setFaults({ commands: [{ path: 'commands/callback', code: 2240 }] });
    const look = await stage.testCall();
    await eventually(async () =>
      expect(failure(await look())).toMatchObject({ step: 'accepted', code: 'command_refused', reason: 'not_enough_money' }),
    );
  });

  it('explains who did not pick up', async () => {
    await stage.connect();
    const look = await stage.testCall();
    const call = await stage.pbx.nextCallback();
    await call.operatorDoesNotAnswer();
    await call.finish();
    await eventually(async () =>
      expect(failure(await look())).toMatchObject({ step: 'agent_answers', code: 'agent_not_answered', reason: 'no_answer' }),
    );

    await stage.connect();
    const again = await stage.testCall();
    const second = await stage.pbx.nextCallback();
    await second.operatorAnswers();
    await second.customerDoesNotAnswer(1121);
    await second.finish();
    await eventually(async () =>
      expect(failure(await again())).toMatchObject({ step: 'customer_answers', code: 'customer_not_answered', reason: 'busy' }),
    );
  });

  it('explains that the command was taken and no event came', async () => {
    await stage.connect();
    stage.pbx.setFaults({ deliveries: [{ lose: true }] });
    const look = await stage.testCall();
    await stage.pbx.nextCallback();
    await eventually(async () => expect(states(await look())).toContain('accepted:done agent_rings:waiting'));
    await stage.db('test_calls').update({
      ordered_at: stage.db.raw(`ordered_at - interval '2 minutes'`),
      answered_at: stage.db.raw(`answered_at - interval '2 minutes'`),
    });
    expect(failure(await look())).toMatchObject({ step: 'agent_rings', code: 'no_event' });
  });

  it('is refused for what is no number, no extension, and while another one has just begun', async () => {
    await stage.connect();
    const path = `/api/integrations/${stage.account.id}/test-calls`;
    const wrong = async (body: object) => fieldsOf(await stage.admin.post(path, body));
    expect(await wrong({ extension: '101', phone: 'абв' })).toEqual(['phone']);
    expect(await wrong({ extension: 'x', phone: '+79161112233' })).toEqual(['extension']);
    await stage.testCall();
    expect(codeOf(await stage.admin.post(path, { extension: '101', phone: '+79161112233' }))).toBe('test_call_running');
    const other = '00000000-0000-4000-8000-000000000000';
    expect((await stage.admin.get(`${path}/${other}`)).status).toBe(404);
  });
});
