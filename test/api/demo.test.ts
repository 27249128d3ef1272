import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Demo, DemoCall, DemoState, DemoSwitches } from '../../api/contract/demo.ts';
import { ConfigError, readConfig } from '../../db/config.ts';
import { openSecrets } from '../../db/secrets.ts';
import { ensureDemo, retireDemo } from '../../run/demo-data.ts';
import { createControlApp } from '../../run/demo-pbx/control/app.ts';
import { close, listen } from '../../run/demo-pbx/pbx.ts';
import { as, codeOf, startTestApi, type TestApi } from '../support/api.ts';
import { startPbx, type DemoPbx } from '../support/pbx.ts';

let pbx: DemoPbx;
let control: Server;
let api: TestApi;
const DEMO = { port: 1, apiKey: 'k', apiSalt: 's' };

beforeAll(async () => {
  pbx = await startPbx({ targetUrl: 'http://127.0.0.1:1' });
  const server = createServer(createControlApp(pbx));
  control = await listen(server, 0, '127.0.0.1');
  const { port } = control.address() as AddressInfo;
  api = await startTestApi({ DEMO_PBX_CONTROL_URL: `http://127.0.0.1:${port}` });
});
afterAll(async () => {
  await api.close();
  await close(control as ReturnType<typeof createServer>);
  await pbx.stop();
});

const connect = () => ensureDemo(api.db, openSecrets(api.config), DEMO);
const state = async (): Promise<DemoState> => as<DemoState>(await api.anna.get('/api/demo/state'));

describe('Without a demo PBX', () => {
  it('nothing is there to play with, and no call can be made', async () => {
    expect((await api.anna.get('/api/demo')).body).toEqual({ connected: false, phones: [], groups: [], lines: [], callers: [] });
    for (const answer of [
      await api.anna.get('/api/demo/state'),
      await api.anna.post('/api/demo/calls', { direction: 'incoming', from: null, to: ['101'] }),
      await api.anna.post('/api/demo/calls/MTIz/actions', { action: 'hangUp' }),
      await api.admin.patch('/api/demo/switches', { lose: true }),
    ])
      expect([answer.status, codeOf(answer)]).toEqual([404, 'demo_not_connected']);
    expect(pbx.log.calls).toEqual([]);
  });

  it('its control interface may be on this machine alone', () => {
    const env = { DATABASE_URL: 'postgres://x', TEMPORAL_ADDRESS: 'x:1' };
    for (const url of [
      'http://10.0.0.1:1',
      'http://127.0.0.1.evil.example',
      'http://localhost@evil.example',
      'file:///etc/passwd',
    ])
      expect(() => readConfig({ ...env, DEMO_PBX_CONTROL_URL: url })).toThrow(ConfigError);
    expect(readConfig({ ...env, DEMO_PBX_CONTROL_URL: 'http://127.0.0.1:5/' }).demoControlUrl).toBe('http://127.0.0.1:5');
  });
});

describe('With one', () => {
  beforeAll(connect);

  it('its phones, groups and lines are listed, with the agents and customers behind them', async () => {
    const found = as<Demo>(await api.anna.get('/api/demo'));
    expect(found.connected).toBe(true);
    expect(found.phones.map(({ extension, staffed, agent }) => [extension, staffed, agent?.fullName])).toEqual([
      ['101', true, 'Анна Смирнова'],
      ['102', true, 'Борис Кузнецов'],
      ['0103', true, 'Вера Орлова'],
      ['104', false, undefined],
    ]);
    expect(found.lines).toEqual(['+74950000000', '+78120000000']);
    expect(found.callers.find(({ phone }) => phone === '+78123334455')?.names).toEqual(['Мария Лебедева', 'Пётр Лебедев']);
  });

  it('a customer calls, is answered, handed over and hangs up; a step that does not fit is refused', async () => {
    const made = as<DemoCall>(
      await api.anna.post('/api/demo/calls', {
        direction: 'incoming',
        from: '8 916 000-11-22',
        to: ['101'],
        line: '+78120000000',
      }),
    );
    expect(made).toMatchObject({ direction: 'incoming', customer: '+79160001122', line: '+78120000000', callback: false });
    const act = (action: object) => api.anna.post(`/api/demo/calls/${made.id}/actions`, action);
    expect((await state()).calls.map(({ legs }) => legs)).toMatchObject([
      [{ from: '+79160001122', to: '101', state: 'ringing' }],
    ]);
    expect(codeOf(await act({ action: 'hold', who: '101' }))).toBe('demo_refused');
    await act({ action: 'answer', who: '101' });
    await act({ action: 'consult', who: '101', target: '102' });
    expect((await state()).calls[0]?.legs).toMatchObject([{ state: 'held' }, { from: '101', to: '102', state: 'ringing' }]);
    await act({ action: 'answer', who: '102' });
    await act({ action: 'completeTransfer', who: '101' });
    expect((await state()).calls[0]?.legs).toMatchObject([{ state: 'ended' }, { from: '+79160001122', to: '102' }]);
    await act({ action: 'hangUp' });
    expect((await state()).calls).toEqual([]);
    expect((await state()).events.length).toBeGreaterThan(5);
    expect(codeOf(await act({ action: 'hangUp' }))).toBe('not_found');
  });

  it('an agent calls out and the customer answers; the menu alone makes no phone ring', async () => {
    const out = as<DemoCall>(
      await api.anna.post('/api/demo/calls', { direction: 'outgoing', from: '101', to: ['+79031112233'] }),
    );
    await api.anna.post(`/api/demo/calls/${out.id}/actions`, { action: 'answer', who: '+79031112233' });
    const menu = as<DemoCall>(await api.anna.post('/api/demo/calls', { direction: 'incoming', from: null, to: [] }));
    const { calls } = await state();
    expect(calls.find(({ id }) => id === out.id)?.legs).toMatchObject([{ from: '101', to: '+79031112233', state: 'talking' }]);
    expect(calls.find(({ id }) => id === menu.id)).toMatchObject({ customer: null, legs: [{ place: 'menu' }] });
    for (const { id } of [out, menu]) await api.anna.post(`/api/demo/calls/${id}/actions`, { action: 'hangUp' });
    expect((await state()).calls).toEqual([]);
  });

  it('a colleague who has gone cannot be connected any more', async () => {
    const made = as<DemoCall>(await api.anna.post('/api/demo/calls', { direction: 'incoming', from: null, to: ['101'] }));
    const act = (action: object) => api.anna.post(`/api/demo/calls/${made.id}/actions`, action);
    await act({ action: 'answer', who: '101' });
    await act({ action: 'consult', who: '101', target: '102' });
    await act({ action: 'noAnswer', who: '102' });
    expect(codeOf(await act({ action: 'completeTransfer', who: '101' }))).toBe('demo_refused');
    await act({ action: 'abandonConsultation', who: '101' });
    expect((await state()).calls[0]?.legs[0]).toMatchObject({ state: 'talking' });
    await act({ action: 'hangUp' });
  });

  it('an admin switches faults on and off, which is audited; an agent only sees them', async () => {
    expect((await api.anna.send('PATCH', '/api/demo/switches', { body: { lose: true } })).status).toBe(403);
    const all = { duplicate: true, reorder: true, delay: true, lose: true, refuseCommands: true, noRecording: true };
    const on = as<DemoSwitches>(await api.admin.patch('/api/demo/switches', { ...all, answerCallbacksByHand: true }));
    expect(Object.values(on).every(Boolean)).toBe(true);
    expect(pbx.faults.current.recordings).toEqual({ none: true });
    const off = as<DemoSwitches>(
      await api.admin.patch('/api/demo/switches', Object.fromEntries(Object.keys(on).map((name) => [name, false]))),
    );
    expect(Object.values(off).some(Boolean)).toBe(false);
    expect((await state()).switches).toEqual(off);
    const audit = await api.db('audit_log').where({ action: 'demo.switched' });
    expect(audit).toHaveLength(2);
  });

  it('nothing but calls gets through: no other path, no odd number, no foreign field', async () => {
    const call = { direction: 'incoming', from: null, to: ['101'] };
    for (const body of [
      { ...call, to: ['http://evil.example'] },
      { ...call, from: 'sip:me@evil.example' },
      { ...call, record: 'none' },
      { ...call, line: '74950000000' },
    ])
      expect((await api.anna.post('/api/demo/calls', body)).status).toBe(400);
    expect((await api.anna.post('/api/demo/calls/..%2F..%2Ffaults/actions', { action: 'hangUp' })).status).toBe(404);
    expect((await state()).calls).toEqual([]);
  });

  it('it goes when the demo is over', async () => {
    await retireDemo(api.db);
    expect(codeOf(await api.anna.get('/api/demo/state'))).toBe('demo_not_connected');
  });
});
