import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../api/passwords.ts';
import { codeAt, fromBase32, stepAt } from '../../api/totp.ts';
import { Caller, as, codeOf, startTestApi, type Answer, type TestApi } from '../support/api.ts';
import { EventStream } from '../support/event-stream.ts';

const PASSWORD = 'correct horse battery';
const PATH = '/api/session/second-factor';
let api: TestApi;
let count = 0;
beforeAll(async () => {
  api = await startTestApi({ TRUST_PROXY: '127.0.0.1' });
});
afterAll(() => api.close());

interface Person {
  readonly id: string;
  readonly email: string;
  readonly caller: Caller;
  /** Codes that have not been used yet: of this step and the next. */
  readonly code: (away?: number) => string;
  readonly recoveryCodes: readonly string[];
}

const signIn = (email: string, more: Record<string, string> = {}, address = `198.51.100.${count}`): Promise<Answer> =>
  api.nobody.post('/api/session', { email, password: PASSWORD, ...more }, { 'x-forwarded-for': address });
const holder = (answer: Answer): Caller =>
  new Caller(api.origin, (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '', as<{ id: string }>(answer).id);

async function person(role = 'agent'): Promise<Omit<Person, 'code' | 'recoveryCodes'>> {
  const email = `factor${++count}@test.local`;
  const caller = await api.addAgent({ email, role, password_hash: await hashPassword(PASSWORD) });
  return { id: caller.id, email, caller };
}

/** Somebody whose second factor is on, proved by the code of the step before, so that the present one is unused. */
async function enrolled(role = 'agent'): Promise<Person> {
  const somebody = await person(role);
  const { secret } = as<{ secret: string }>(await somebody.caller.post(PATH, { password: PASSWORD }));
  const code = (away = 0): string => codeAt(fromBase32(secret), stepAt(new Date()) + away);
  const proof = await somebody.caller.send('PUT', PATH, { body: { code: code(-1) } });
  expect(proof.status).toBe(200);
  return { ...somebody, code, recoveryCodes: as<{ recoveryCodes: string[] }>(proof).recoveryCodes };
}

describe('Setting up a second factor', () => {
  it('takes the password, shows the secret once, and counts only when a code has proved it', async () => {
    const { caller, email, id } = await person();
    expect(codeOf(await caller.post(PATH, { password: 'wrong' }))).toBe('wrong_password');
    const begun = await caller.post(PATH, { password: PASSWORD });
    const { secret, uri } = as<{ secret: string; uri: string }>(begun);
    expect([begun.status, begun.headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect(uri).toContain(`secret=${secret}`);
    expect((await signIn(email)).status).toBe(200);
    expect((await caller.get(PATH)).body).toEqual({ enabled: false, required: false, recoveryCodesLeft: 0 });
    expect(codeOf(await caller.send('PUT', PATH, { body: { code: '000000' } }))).toBe('wrong_code');
    const proof = await caller.send('PUT', PATH, { body: { code: codeAt(fromBase32(secret), stepAt(new Date())) } });
    expect(new Set(as<{ recoveryCodes: string[] }>(proof).recoveryCodes).size).toBe(10);
    expect((await caller.get(PATH)).body).toEqual({ enabled: true, required: false, recoveryCodesLeft: 10 });
    expect(codeOf(await caller.post(PATH, { password: PASSWORD }))).toBe('second_factor_on');
    expect((await api.admin.get('/api/agents')).body).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ id, secondFactor: true })]) as unknown,
    });
  });

  it('ends the sessions opened without it', async () => {
    const { email, caller } = await person();
    const other = holder(await signIn(email));
    const { secret } = as<{ secret: string }>(await caller.post(PATH, { password: PASSWORD }));
    await caller.send('PUT', PATH, { body: { code: codeAt(fromBase32(secret), stepAt(new Date())) } });
    expect([(await other.get('/api/session')).status, (await caller.get('/api/session')).status]).toEqual([401, 200]);
  });

  it('leaves neither secret nor recovery code readable in the database or the log', async () => {
    const { caller, id } = await person();
    const { secret } = as<{ secret: string }>(await caller.post(PATH, { password: PASSWORD }));
    const proof = await caller.send('PUT', PATH, { body: { code: codeAt(fromBase32(secret), stepAt(new Date())) } });
    const { recoveryCodes } = as<{ recoveryCodes: string[] }>(proof);
    const dump = await Promise.all(
      ['second_factors', 'recovery_codes', 'audit_log', 'stream_events'].map(async (table) => {
        const { rows } = await api.db.raw<{ rows: { text: string }[] }>('select t::text as text from ?? t', [table]);
        return rows.map(({ text }) => text).join('\n');
      }),
    );
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    for (const canary of [secret, hex(secret), fromBase32(secret).toString('hex'), ...recoveryCodes, ...recoveryCodes.map(hex)]) {
      expect(`${dump.join('\n')}${api.logged()}`).not.toContain(canary);
    }
    expect(await api.db('second_factors').where({ agent_id: id })).toHaveLength(1);
  });
});

describe('Signing in with a second factor', () => {
  it('takes password and code; either alone is nothing', async () => {
    const { email, code } = await enrolled();
    const alone = await signIn(email);
    expect([alone.status, codeOf(alone), alone.headers.get('set-cookie')]).toEqual([403, 'code_required', null]);
    expect(codeOf(await signIn(email, { code: '000000' }))).toBe('wrong_code');
    expect(codeOf(await signIn(email, { password: 'wrong', code: code() }))).toBe('wrong_credentials');
    expect((await signIn(email, { code: `${code().slice(0, 3)} ${code().slice(3)}` })).status).toBe(200);
  });

  it('takes no code twice, nor an older one afterwards', async () => {
    const { email, code } = await enrolled();
    const now = code();
    expect((await signIn(email, { code: now })).status).toBe(200);
    expect(codeOf(await signIn(email, { code: now }))).toBe('wrong_code');
    expect(codeOf(await signIn(email, { code: code(-1) }))).toBe('wrong_code');
    expect((await signIn(email, { code: code(1) })).status).toBe(200);
  });

  it('takes one code once, also when it comes ten times at the same moment', async () => {
    const { email, code } = await enrolled();
    const now = code();
    const answers = await Promise.all(Array.from({ length: 8 }, () => signIn(email, { code: now })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('takes each recovery code once', async () => {
    const { email, recoveryCodes, caller } = await enrolled();
    const [first = '', second = ''] = recoveryCodes;
    expect((await signIn(email, { code: first })).status).toBe(200);
    expect(codeOf(await signIn(email, { code: first }))).toBe('wrong_code');
    expect((await signIn(email, { code: second.toUpperCase().replace('-', ' ') })).status).toBe(200);
    expect((await caller.get(PATH)).body).toMatchObject({ recoveryCodesLeft: 8 });
  });

  it('stops after ten wrong codes, from wherever they come, and goes on after a while', async () => {
    const { email, code, id } = await enrolled();
    for (let guess = 0; guess < 10; guess += 1) {
      expect(codeOf(await signIn(email, { code: '000000' }, `192.0.2.${guess}`))).toBe('wrong_code');
    }
    const refused = await signIn(email, { code: code() }, '192.0.2.100');
    expect([refused.status, codeOf(refused)]).toEqual([429, 'too_many_attempts']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800);
    await api
      .db('second_factors')
      .where({ agent_id: id })
      .update({ failures_since: new Date(Date.now() - 16 * 60_000) });
    expect((await signIn(email, { code: code() }, '192.0.2.101')).status).toBe(200);
  });

  it('is not gone round by an invitation link', async () => {
    const { id, email, code } = await enrolled();
    const { invitationUrl } = as<{ invitationUrl: string }>(await api.admin.post(`/api/agents/${id}/invitation`));
    const path = `/api/invitations/${invitationUrl.split('/').at(-1)}`;
    expect(codeOf(await api.nobody.post(path, { password: 'another good one' }))).toBe('code_required');
    expect((await signIn(email, { code: code() })).status).toBe(200);
    expect((await api.nobody.post(path, { password: 'another good one', code: code(1) })).status).toBe(200);
  });
});

describe('Switching it off', () => {
  it('takes password and code', async () => {
    const { caller, email, code } = await enrolled();
    expect(codeOf(await caller.post(`${PATH}/removal`, { password: 'wrong', code: code() }))).toBe('wrong_password');
    expect(codeOf(await caller.post(`${PATH}/removal`, { password: PASSWORD, code: '000000' }))).toBe('wrong_code');
    expect((await caller.post(`${PATH}/removal`, { password: PASSWORD, code: code() })).status).toBe(204);
    expect((await signIn(email)).status).toBe(200);
    expect(codeOf(await caller.post(`${PATH}/removal`, { password: PASSWORD, code: code() }))).toBe('second_factor_off');
  });

  it('is what another admin does for who has lost it: audited, and their sessions end', async () => {
    const [lost, helper] = [await enrolled('admin'), await person('admin')];
    const reset = `/api/agents/${lost.id}/second-factor`;
    expect((await api.anna.delete(reset)).status).toBe(403);
    expect(codeOf(await lost.caller.delete(reset))).toBe('not_oneself');
    expect((await helper.caller.delete(reset)).status).toBe(204);
    expect((await lost.caller.get('/api/session')).status).toBe(401);
    expect((await signIn(lost.email)).status).toBe(200);
    const rows = await api.db('audit_log').where({ action: 'agent.second_factor_reset', subject: lost.id });
    expect(rows).toMatchObject([{ agent_id: helper.id }]);
    expect(codeOf(await helper.caller.delete(reset))).toBe('second_factor_off');
  });

  it('new recovery codes make the earlier ones void', async () => {
    const { caller, email, code, recoveryCodes } = await enrolled();
    const made = await caller.post(`${PATH}/recovery-codes`, { password: PASSWORD, code: code() });
    const [fresh = ''] = as<{ recoveryCodes: string[] }>(made).recoveryCodes;
    expect(codeOf(await signIn(email, { code: recoveryCodes[0] ?? '' }))).toBe('wrong_code');
    expect((await signIn(email, { code: fresh })).status).toBe(200);
  });
});

describe('Where the settings ask admins for a second factor', () => {
  it('those without may do nothing but set one up, and their streams end; agents go on', async () => {
    const own = await startTestApi();
    const { id } = await own.addAgent({ email: 'strict@test.local', role: 'admin', password_hash: await hashPassword(PASSWORD) });
    const signedIn = await own.nobody.post('/api/session', { email: 'strict@test.local', password: PASSWORD });
    const admin = new Caller(own.origin, (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '', id);
    const stream = await EventStream.open(admin);
    await stream.until(({ retry }) => retry !== '');
    expect((await own.admin.patch('/api/settings', { adminSecondFactorRequired: true })).status).toBe(200);
    expect((await admin.get('/api/session')).body).toMatchObject({ secondFactorMissing: true });
    for (const path of ['/api/tickets', '/api/agents', '/api/audit', '/api/events', '/api/settings', '/metrics']) {
      const answer = await admin.get(path, { headers: { 'x-forwarded-for': '203.0.113.1' } });
      expect([answer.status, codeOf(answer)], path).toEqual([403, 'second_factor_required']);
    }
    await stream.until(({ ended }) => ended, 6000);
    expect((await own.anna.get('/api/tickets')).status).toBe(200);

    const { secret } = as<{ secret: string }>(await admin.post(PATH, { password: PASSWORD }));
    const code = (away: number): string => codeAt(fromBase32(secret), stepAt(new Date()) + away);
    expect((await admin.send('PUT', PATH, { body: { code: code(-1) } })).status).toBe(200);
    expect((await admin.get('/api/tickets')).status).toBe(200);
    expect((await admin.get('/api/session')).body).toMatchObject({ secondFactorMissing: false });
    expect(codeOf(await admin.post(`${PATH}/removal`, { password: PASSWORD, code: code(0) }))).toBe('second_factor_required');
    await own.close();
  });
});
