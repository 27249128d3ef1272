import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COUNT_FIGURES, ruledFigure, SECTIONS, type Statistics } from '../../api/contract/statistics.ts';
import { CHANNELS as CONTRACT_CHANNELS } from '../../api/contract/tickets.ts';
import { SYSTEM } from '../../db/tickets.ts';
import { addMessage, changeTicket, createTicket, lockTicket } from '../../db/tickets.ts';
import { CHANNELS, FIGURES, FIGURES_OF, SECTIONS as RULED_SECTIONS } from '../../domain/statistics.ts';
import { as, codeOf, fieldsOf, startTestApi, type Caller, type TestApi } from '../support/api.ts';
import { FIGURES_OF_SECTION } from './figures.ts';

let api: TestApi;
let own: Caller;
const now = Date.now();
const from = new Date(now - 3_600_000).toISOString();
const to = new Date(now + 3_600_000).toISOString();
const asked = (more: Record<string, string> = {}): string =>
  new URLSearchParams({ from, to, tz: 'Europe/Moscow', ...more }).toString();
const statisticsOf = async (who: Caller, section: string, more: Record<string, string> = {}): Promise<Statistics> => {
  const answer = await who.get(`/api/statistics/${section}?${asked(more)}`);
  expect(answer.status).toBe(200);
  return as<Statistics>(answer);
};
const totalOf = async (who: Caller, query: Record<string, string>): Promise<number> =>
  as<{ total: number }>(await who.get(`/api/tickets?${new URLSearchParams(query).toString()}`)).total;

const post = async (who: Caller, path: string, body: unknown): Promise<string> => {
  const answer = await who.post(path, body);
  expect(answer.status).toBe(201);
  return as<{ id: string }>(answer).id;
};

/** What a day may bring, through the very interface and functions the product uses. */
beforeAll(async () => {
  api = await startTestApi();
  own = await api.addAgent({ full_name: '=cmd|calc', access: 'own', team: 'Первая линия' });
  await api.addAgent({ full_name: '+7 912 345-67-89' });
  await api.db('agents').where({ id: api.boris.id }).update({ team: 'Первая линия' });
  const { anna, boris, db } = api;
  const letter = await post(anna, '/api/tickets', {
    subject: 'Вопрос',
    channel: 'email',
    assigneeId: anna.id,
    message: { body: 'Где заказ?', author: 'customer' },
  });
  await post(anna, `/api/tickets/${letter}/messages`, { body: 'В пути', writingSeconds: 30, status: 'closed' });
  await post(anna, `/api/tickets/${letter}/messages`, { body: 'Спасибо, но где?', author: 'customer' });
  await post(boris, `/api/tickets/${letter}/messages`, { body: 'Уточняю', type: 'note' });
  await post(boris, '/api/tickets', {
    subject: 'Предложение',
    channel: 'email',
    assigneeId: own.id,
    message: { body: 'Здравствуйте' },
  });
  await post(own, '/api/tickets', { subject: 'Звонок', channel: 'call', kind: 'outgoing', assigneeId: own.id });
  await db.transaction(async (trx) => {
    const missed = await createTicket(
      trx,
      {
        subject: 'Пропущенный звонок',
        status: 'open',
        channel: 'call',
        kind: 'missed',
        phone: null,
        customerId: null,
        assigneeId: null,
        automatic: true,
      },
      { actor: SYSTEM, rule: 'S16' },
    );
    await addMessage(trx, missed, { type: 'system', author: SYSTEM, code: 'missed' }, { actor: SYSTEM });
    const locked = await lockTicket(trx, missed.id);
    if (locked) await changeTicket(trx, locked, { status: 'closed' }, { actor: SYSTEM, rule: 'S18a' });
  });
});
afterAll(() => api.close());

describe('GET /api/statistics/{section}', () => {
  it('answers with the figures of the section, all of them and no others, also where nothing counts', async () => {
    for (const section of SECTIONS) {
      const { figures, rules } = await statisticsOf(api.anna, section, { channel: 'social' });
      const averages = FIGURES_OF_SECTION[section].filter((figure) => !(COUNT_FIGURES as readonly string[]).includes(figure));
      expect(Object.keys(figures).sort()).toEqual(
        [...FIGURES_OF_SECTION[section], ...averages.map((figure) => `${figure}Median`)].sort(),
      );
      expect(
        Object.entries(figures).every(
          ([name, value]) => value === ((COUNT_FIGURES as readonly string[]).includes(name) ? 0 : null),
        ),
      ).toBe(true);
      expect(rules.map(({ figure }) => figure)).toEqual(FIGURES_OF_SECTION[section]);
    }
  });

  it('counts what happened through the interface at once', async () => {
    const { figures, behind } = await statisticsOf(api.anna, 'load');
    expect(figures).toEqual({ newTickets: 4, newFromCustomers: 2, reopened: 0, inWork: 3, withReply: 2, closed: 1 });
    expect(behind).toBe(0);
    const speed = (await statisticsOf(api.anna, 'speed')).figures;
    expect(speed.writingSeconds).toBe(30);
    expect(speed.firstReplySeconds).toBeGreaterThanOrEqual(0);
    expect(speed.repliesToClose).toBe(0.5);
  });

  it.each(SECTIONS)('%s: every figure that counts tickets is the total of the list it leads to', async (section) => {
    for (const who of [api.anna, own]) {
      const filters: Record<string, string>[] = [
        {},
        { direction: 'incoming' },
        { channel: 'call' },
        { agentId: api.anna.id },
        { agentId: own.id },
        { team: 'Первая линия' },
        { team: 'Вторая линия' },
      ];
      for (const filter of filters) {
        const { figures, rules } = await statisticsOf(who, section, filter);
        for (const { figure, unit, leadsTo } of rules) {
          const total = await totalOf(who, leadsTo);
          if (unit === 'tickets') expect(total, figure).toBe(figures[figure]);
          if (figures[figure] === null) expect(total, figure).toBe(0);
        }
      }
    }
  });

  it('leads from a day, an hour of the week, a channel and an agent to the tickets counted there', async () => {
    const load = await statisticsOf(api.anna, 'load');
    const [point] = (load.series ?? []).filter(({ newTickets }) => (newTickets ?? 0) > 0);
    const next = load.series?.find(({ at }) => at > (point?.at ?? ''))?.at ?? to;
    const leads = load.rules[0]?.leadsTo ?? {};
    expect(await totalOf(api.anna, { ...leads, withinFrom: point?.at ?? '', withinTo: next })).toBe(point?.newTickets);
    const peak = await statisticsOf(api.anna, 'peak');
    for (const { weekday, hour, newAndReopened } of (peak.peak ?? []).filter((cell) => cell.newAndReopened !== 0)) {
      const cell = { ...peak.rules[0]?.leadsTo, weekday: String(weekday), hour: String(hour) };
      expect(await totalOf(api.anna, cell)).toBe(newAndReopened);
    }
    const channels = await statisticsOf(api.anna, 'channels');
    for (const row of channels.channels ?? []) {
      expect(await totalOf(api.anna, { ...channels.rules[1]?.leadsTo, channel: row.channel })).toBe(row.inWork);
    }
    const team = await statisticsOf(api.anna, 'team');
    for (const row of team.agents ?? []) {
      expect(await totalOf(api.anna, { ...team.rules[3]?.leadsTo, agentId: row.agent.id })).toBe(row.inWork);
    }
    expect(team.teams?.map((row) => [row.team, row.inWork])).toEqual([['Первая линия', 3]]);
    expect(await totalOf(api.anna, { ...team.rules[3]?.leadsTo, team: 'Первая линия' })).toBe(3);
  });

  it('shows an agent with access to their own only the figures of tickets that are theirs or nobody’s', async () => {
    const { figures } = await statisticsOf(own, 'load');
    expect(figures).toMatchObject({ newTickets: 3, newFromCustomers: 1, inWork: 2 });
    const { agents } = await statisticsOf(own, 'team');
    expect(agents?.find(({ agent }) => agent.id === api.anna.id)).toMatchObject({ newTickets: 0, inWork: 0 });
  });

  it('compares with the period before, if asked', async () => {
    const later = { from: to, to: new Date(Date.parse(to) + 7_200_000).toISOString() };
    const { figures, previous } = await statisticsOf(api.anna, 'load', { ...later, compare: 'true' });
    expect(figures.newTickets).toBe(0);
    expect(previous).toMatchObject({ from, to, figures: { newTickets: 4 } });
    expect((await statisticsOf(api.anna, 'load', later)).previous).toBeUndefined();
  });

  it.each([
    [{ tz: 'Europe/Nowhere' }, 'tz'],
    [{ tz: '+03:00' }, 'tz'],
    [{ from: to, to: from }, 'to'],
    [{ to: from }, 'to'],
    [{ from: '1900-01-01T00:00:00Z' }, 'to'],
    [{ from: 'yesterday' }, 'from'],
    [{ agentId: 'anna' }, 'agentId'],
    [{ channel: 'fax' }, 'channel'],
    [{ direction: 'missed' }, 'direction'],
    [{ team: '' }, 'team'],
    [{ table: 'agents', format: 'csv' }, 'table'],
    [{ unknown: '1' }, 'unknown'],
  ])('refuses %j, naming the field', async (more, field) => {
    const answer = await api.anna.get(`/api/statistics/load?${asked(more as Record<string, string>)}`);
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([400, 'invalid_request', [field]]);
  });

  it('has no other sections', async () => {
    expect((await api.anna.get(`/api/statistics/money?${asked()}`)).status).toBe(404);
  });

  it.each([
    [{ figure: 'inWork' }, 'from'],
    [{ figure: 'nothing', from, to }, 'figure'],
    [{ figure: 'inWork', from, to, weekday: '1' }, 'hour'],
    [{ figure: 'inWork', from, to, withinFrom: from }, 'withinTo'],
  ])('the list refuses %j, naming the field', async (query, field) => {
    const answer = await api.anna.get(`/api/tickets?${new URLSearchParams(query as Record<string, string>).toString()}`);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
  });
});

describe('CSV', () => {
  const linesOf = (text: unknown): string[][] =>
    (text as string)
      .slice(1)
      .trim()
      .split('\r\n')
      .map((line) => line.split(';'));
  const csv = (section: string, more: Record<string, string> = {}, headers: Record<string, string> = { accept: 'text/csv' }) =>
    api.anna.get(`/api/statistics/${section}?${asked(more)}`, { headers });

  it('opens in Excel in Russian: byte order mark, semicolons, decimal commas', async () => {
    const bytes = await fetch(`${api.origin}/api/statistics/speed?${asked({ format: 'csv' })}`, {
      headers: { cookie: api.anna.cookie ?? '' },
    });
    expect([...new Uint8Array(await bytes.arrayBuffer()).slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    const answer = await csv('speed');
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const march = await csv('speed', { from: '2026-02-28T21:00:00Z', to: '2026-03-31T21:00:00Z' });
    expect(march.headers.get('content-disposition')).toBe('attachment; filename="statistics-speed-2026-03-01-2026-03-31.csv"');
    const { figures } = await statisticsOf(api.anna, 'speed');
    const lines = linesOf(`\uFEFF${answer.body as string}`);
    expect(lines[0]).toEqual(['Показатель', 'Значение']);
    expect(lines.find(([name]) => name === 'Количество ответов для закрытия')).toEqual([
      'Количество ответов для закрытия',
      '0,5',
    ]);
    expect(lines.find(([name]) => name === 'Скорость первого ответа, с (медиана)')?.[1]).toBe(
      String(figures.firstReplySecondsMedian).replace('.', ','),
    );
  });

  it('holds the same numbers as the screen, table by table, in either language', async () => {
    for (const section of SECTIONS) {
      const shown = await statisticsOf(api.anna, section, { compare: 'true' });
      for (const table of ['figures', 'series', 'peak', 'channels', 'agents', 'teams'] as const) {
        const answer = await csv(section, { table, lang: 'en', compare: 'true' });
        const rows = table === 'figures' ? Object.keys(shown.figures) : shown[table];
        if (rows === undefined) {
          expect(answer.status).toBe(400);
          continue;
        }
        const lines = linesOf(`\uFEFF${(answer.body as string).replace(/^\uFEFF/, '')}`);
        // A ticket may stand in several of these rows: what all of them and the period before come to is said below.
        const withTotals = ['channels', 'agents', 'teams'].includes(table);
        expect(lines).toHaveLength(rows.length + 1 + (withTotals ? 2 : 0));
        if (withTotals) expect(lines.slice(-2).map(([name]) => name)).toEqual(['Total', 'Period before']);
        if (table === 'figures') {
          const values = lines.slice(1).map((line) => line.slice(1));
          const cell = (value: number | null | undefined): string => (value === null || value === undefined ? '' : String(value));
          const names = shown.rules.flatMap(({ figure, unit }) =>
            unit === 'tickets' || figure === 'totalReplies'
              ? [figure]
              : ([figure, `${figure}Median`] as (keyof typeof shown.figures)[]),
          );
          expect(values).toEqual(names.map((name) => [cell(shown.figures[name]), cell(shown.previous?.figures[name])]));
        }
      }
    }
  });

  it('leaves a name that looks like a formula a text', async () => {
    const answer = await csv('team');
    expect(answer.body).toContain("\n'=cmd|calc;");
    expect(answer.body).toContain("\n'+7 912 345-67-89;");
    expect(answer.body).not.toMatch(/(^|[\n;])[=+@-]/);
  });

  it('is what a client that wants CSV gets, and nobody else', async () => {
    expect((await csv('load', {}, { accept: '*/*' })).headers.get('content-type')).toMatch(/json/);
    expect((await csv('load', {}, { accept: 'application/json, text/csv;q=0.5' })).headers.get('content-type')).toMatch(/json/);
    expect((await csv('load', { format: 'csv' }, { accept: 'text/html' })).headers.get('content-type')).toMatch(/csv/);
    expect((await csv('load', {}, { accept: 'text/html' })).status).toBe(406);
  });

  it('stands in the audit log as a file that was taken away; a look at the screen does not', async () => {
    const exports = (): Promise<unknown[]> =>
      api.db('audit_log').where({ action: 'statistics.exported', subject: 'peak' }) as unknown as Promise<unknown[]>;
    const before = await exports();
    await statisticsOf(api.boris, 'peak');
    expect(await exports()).toEqual(before);
    await api.boris.get(`/api/statistics/peak?${asked({ format: 'csv' })}`);
    expect((await exports()).slice(before.length)).toMatchObject([{ agent_id: api.boris.id, detail: { from, to, table: null } }]);
  });
});

describe('The contract', () => {
  it('names the figures, sections and channels of the rules', () => {
    expect([...ruledFigure.options].sort()).toEqual([...FIGURES].sort());
    expect(SECTIONS).toEqual(RULED_SECTIONS);
    expect(CONTRACT_CHANNELS).toEqual(CHANNELS);
    expect(FIGURES_OF).toEqual(FIGURES_OF_SECTION);
  });
});
