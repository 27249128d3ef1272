import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../api/passwords.ts';
import { Caller, as, codeOf, fieldsOf, startTestApi, type Answer, type TestApi } from '../support/api.ts';

const PASSWORD = 'correct horse battery';
let api: TestApi;
let count = 0;

beforeAll(async () => {
  api = await startTestApi({ TRUST_PROXY: '127.0.0.1' });
});
afterAll(() => api.close());

async function account(values: { role?: string; password?: string } = {}): Promise<{ email: string; id: string }> {
  count += 1;
  const email = `Person${count}@test.local`;
  const { id } = await api.addAgent({
    email,
    role: values.role ?? 'agent',
    password_hash: await hashPassword(values.password ?? PASSWORD),
  });
  return { email, id };
}
/** Each test signs in from an address of its own, as limits are per address. */
const signIn = (email: string, password = PASSWORD, address = `198.51.100.${count}`): Promise<Answer> =>
  api.nobody.post('/api/session', { email, password }, { 'x-forwarded-for': address });
const cookieOf = (answer: Answer): string => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const holder = (answer: Answer): Caller => new Caller(api.origin, cookieOf(answer), as<{ id: string }>(answer).id);

describe('Sign-in', () => {
  it('gives a cookie that scripts cannot read and that other sites do not send', async () => {
    const { email, id } = await account();
    const answer = await signIn(email.toUpperCase());
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id, email, role: 'agent', access: 'all', preferences: {} });
    const [cookie, hint] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^trubka_session=[\w-]{43}; .*HttpOnly; SameSite=Lax$/);
    expect(hint).toMatch(/^trubka_signed_in=1; .*SameSite=Lax$/);
    expect(`${cookie}${hint}`).not.toContain('Secure');
    expect(JSON.stringify(answer.body)).not.toContain(cookieOf(answer).split('=')[1]);
    expect((await holder(answer).get('/api/session')).body).toMatchObject({ id });
  });

  it('stores only a hash of the token', async () => {
    const { email } = await account();
    const token = cookieOf(await signIn(email)).split('=')[1] ?? '';
    const rows = (await api.db('sessions')) as object[];
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  it('gives a new token each time and ends the session the browser brought', async () => {
    const { email } = await account();
    const first = await signIn(email);
    const second = await holder(first).post(
      '/api/session',
      { email, password: PASSWORD },
      { 'x-forwarded-for': `198.51.100.${count}` },
    );
    expect(cookieOf(second)).not.toBe(cookieOf(first));
    expect((await holder(first).get('/api/session')).status).toBe(401);
    expect((await holder(second).get('/api/session')).status).toBe(200);
  });

  it('refuses a wrong password and an unknown e-mail in the same words', async () => {
    const { email } = await account();
    const wrong = await signIn(email, 'not the password');
    const unknown = await signIn('nobody@test.local', 'not the password');
    const shape = ({ status, body }: Answer) => ({ status, body: { ...(body as object), requestId: null } });
    expect(wrong.status).toBe(401);
    expect(shape(unknown)).toEqual(shape(wrong));
  });

  it('takes about as long for an unknown e-mail as for a wrong password', async () => {
    const { email } = await account();
    const median = (times: number[]): number => times.sort((a, b) => a - b)[4] ?? 0;
    const took = async (who: string, address: string): Promise<number> => {
      const startedAt = performance.now();
      await signIn(who, 'not the password', address);
      return performance.now() - startedAt;
    };
    const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
    for (let attempt = 0; attempt < 9; attempt += 1) {
      times.known.push(await took(email, '192.0.2.1'));
      times.unknown.push(await took('nobody2@test.local', '192.0.2.2'));
    }
    const [known, unknown] = [median(times.known), median(times.unknown)];
    expect(Math.max(known, unknown) / Math.min(known, unknown)).toBeLessThan(2);
  });

  it('refuses a deactivated agent and one without a password', async () => {
    const { email, id } = await account();
    await api.db('agents').where({ id }).update({ deactivated_at: new Date() });
    expect((await signIn(email)).status).toBe(401);
    await api.db('agents').where({ id }).update({ deactivated_at: null, password_hash: null });
    expect((await signIn(email, '')).status).toBe(400);
    expect((await signIn(email, 'x')).status).toBe(401);
  });

  it('refuses fields it does not know, by name', async () => {
    const answer = await api.nobody.post('/api/session', { email: 'a@b.c', password: 'x', role: 'admin' });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, ['role']]);
  });

  it('works with a password of 64 characters of any script, in either Unicode form', async () => {
    const password = 'й'.repeat(32) + 'é😀'.repeat(16);
    const { email } = await account({ password });
    expect((await signIn(email, password.normalize('NFD'))).status).toBe(200);
  });
});

describe('Guessing passwords', () => {
  it('is stopped after ten attempts for one account from one address, and only there', async () => {
    const { email } = await account();
    for (let attempt = 0; attempt < 10; attempt += 1) expect((await signIn(email, 'wrong')).status).toBe(401);
    const refused = await signIn(email);
    expect([refused.status, codeOf(refused)]).toEqual([429, 'too_many_attempts']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800);
    expect((await signIn(email, PASSWORD, '192.0.2.77')).status).toBe(200);
  });

  it('counts attempts made at the same time one by one', async () => {
    const { email } = await account();
    const answers = await Promise.all(Array.from({ length: 25 }, () => signIn(email, 'wrong')));
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10);
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(15);
  });

  it('is stopped for one address over all accounts', async () => {
    const address = '192.0.2.99';
    const row = (index: number) => ({ email: `guess${index}@test.local`, address });
    await api.db('sign_in_attempts').insert(Array.from({ length: 50 }, (_, index) => row(index)));
    expect((await signIn('another@test.local', 'wrong', address)).status).toBe(429);
  });

  it('is stopped for one account over all addresses, but for those it has signed in from', async () => {
    const { email } = await account();
    await signIn(email, PASSWORD, '192.0.2.10');
    const row = (index: number) => ({ email: email.toLowerCase(), address: `203.0.113.${index}` });
    await api.db('sign_in_attempts').insert(Array.from({ length: 100 }, (_, index) => row(index)));
    expect((await signIn(email, PASSWORD, '192.0.2.200')).status).toBe(429);
    expect((await signIn(email, PASSWORD, '192.0.2.10')).status).toBe(200);
  });

  it('is forgotten after a while, and after the right password', async () => {
    const { email } = await account();
    for (let attempt = 0; attempt < 9; attempt += 1) await signIn(email, 'wrong');
    expect((await signIn(email)).status).toBe(200);
    for (let attempt = 0; attempt < 10; attempt += 1) expect((await signIn(email, 'wrong')).status).toBe(401);
    expect((await signIn(email)).status).toBe(429);
    await api.db('sign_in_attempts').update({ at: new Date(Date.now() - 16 * 60_000) });
    expect((await signIn(email)).status).toBe(200);
  });
});

describe('Forwarded addresses', () => {
  it('mean nothing unless a proxy is trusted', async () => {
    const other = await startTestApi();
    const attempt = (address: string) =>
      other.nobody.post('/api/session', { email: 'x@test.local', password: 'wrong' }, { 'x-forwarded-for': address });
    for (let index = 0; index < 10; index += 1) expect((await attempt(`192.0.2.${index}`)).status).toBe(401);
    expect((await attempt('192.0.2.100')).status).toBe(429);
    await other.close();
  });
});

describe('A session', () => {
  it('ends at sign-out', async () => {
    const { email } = await account();
    const me = holder(await signIn(email));
    const out = await me.delete('/api/session');
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toContain('trubka_session=;');
    expect((await me.get('/api/session')).status).toBe(401);
  });

  it('ends everywhere at once when its agent asks for it', async () => {
    const { email } = await account();
    const [here, there] = [holder(await signIn(email)), holder(await signIn(email))];
    expect((await here.delete('/api/sessions')).status).toBe(204);
    expect([(await here.get('/api/session')).status, (await there.get('/api/session')).status]).toEqual([401, 401]);
  });

  it.each([
    ['expires_at', 1000],
    ['last_seen_at', 12 * 3_600_000 + 1000],
  ])('is over when its time is (%s)', async (column, ago) => {
    const { email, id } = await account();
    const me = holder(await signIn(email));
    await api
      .db('sessions')
      .where({ agent_id: id })
      .update({ [column]: new Date(Date.now() - ago) });
    expect((await me.get('/api/session')).status).toBe(401);
  });

  it('is kept alive by use', async () => {
    const { email, id } = await account();
    const me = holder(await signIn(email));
    await api
      .db('sessions')
      .where({ agent_id: id })
      .update({ last_seen_at: new Date(Date.now() - 11 * 3_600_000) });
    await me.get('/api/session');
    const [row] = (await api.db('sessions').where({ agent_id: id }).orderBy('last_seen_at', 'desc')) as { last_seen_at: Date }[];
    expect(Date.now() - (row?.last_seen_at.getTime() ?? 0)).toBeLessThan(60_000);
  });

  it('remembers preferences key by key', async () => {
    const { email } = await account();
    const me = holder(await signIn(email));
    await me.patch('/api/session', { preferences: { columns: ['phone'], theme: 'dark' } });
    const answer = await me.patch('/api/session', { preferences: { theme: null, language: 'en' } });
    expect(as<{ preferences: object }>(answer).preferences).toEqual({ columns: ['phone'], language: 'en' });
    expect((await me.get('/api/session')).body).toMatchObject({ preferences: { columns: ['phone'], language: 'en' } });
  });

  it('refuses preferences that are too big or cannot be stored', async () => {
    const { email } = await account();
    const me = holder(await signIn(email));
    expect(fieldsOf(await me.patch('/api/session', { preferences: { x: 'y'.repeat(17_000) } }))).toEqual(['preferences']);
    expect((await me.patch('/api/session', { preferences: { x: 'a\u0000b' } })).status).toBe(400);
    expect((await me.send('PATCH', '/api/session', { body: '{"preferences":{"x":"\\ud800"}}' })).status).toBe(400);
    expect((await me.patch('/api/session', { preferences: { x: '\\u0000' } })).status).toBe(200);
  });

  it('changes its password with the present one, and signs out all others', async () => {
    const { email } = await account();
    const [here, there] = [holder(await signIn(email)), holder(await signIn(email))];
    const wrong = await here.patch('/api/session', { password: { current: 'nope', new: 'another good one' } });
    expect([wrong.status, fieldsOf(wrong)]).toEqual([403, ['password.current']]);
    expect((await here.patch('/api/session', { password: { current: PASSWORD, new: 'another good one' } })).status).toBe(200);
    expect([(await here.get('/api/session')).status, (await there.get('/api/session')).status]).toEqual([200, 401]);
    expect((await signIn(email, 'another good one')).status).toBe(200);
  });

  it('keeps passwords as argon2id in OWASP’s measure, each with a salt of its own', async () => {
    const hashes: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { email, id } = await account();
      const changed = await holder(await signIn(email)).patch('/api/session', {
        password: { current: PASSWORD, new: 'another horse battery' },
      });
      expect(changed.status).toBe(200);
      hashes.push(((await api.db('agents').where({ id }).first('password_hash')) as { password_hash: string }).password_hash);
    }
    for (const hash of hashes) expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it.each(['short', 'password', 'aaaaaaaaaa', '12345678'])('refuses the new password %s', async (password) => {
    const { email } = await account();
    const me = holder(await signIn(email));
    const answer = await me.patch('/api/session', { password: { current: PASSWORD, new: password } });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, ['password.new']]);
  });

  it('is written down in the audit log, without the password', async () => {
    const { email, id } = await account();
    await signIn(email, 'my secret guess');
    await signIn(email);
    const rows = (await api.db('audit_log').where({ agent_id: id }).orderBy('id')) as { action: string }[];
    expect(rows.map(({ action }) => action)).toEqual(['session.refused', 'session.started']);
    expect(JSON.stringify(rows)).not.toContain('secret');
  });

  it('has a cookie bound to this host when the service is reached by https', async () => {
    const other = await startTestApi({ PUBLIC_URL: 'https://trubka.example' });
    const password_hash = await hashPassword(PASSWORD);
    await other.addAgent({ email: 'a@test.local', password_hash });
    const answer = await other.nobody.post('/api/session', { email: 'a@test.local', password: PASSWORD });
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-trubka_session=.*Path=\/;.*Secure/);
    const plain = cookieOf(answer).replace('__Host-', '');
    expect((await other.nobody.get('/api/session', { headers: { cookie: plain } })).status).toBe(401);
    expect(answer.headers.get('strict-transport-security')).toMatch(/^max-age=31536000/);
    await other.close();
  });
});
