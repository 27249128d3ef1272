import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECTIONS, STATISTICS_TABLES } from '../../api/contract/statistics.ts';
import { allRoutes } from '../../api/routes/index.ts';
import { recordAudit } from '../../db/audit.ts';
import { startTestApi, type TestApi } from '../support/api.ts';

/** What a spreadsheet would take for a formula; the last one is the beginning of nothing. */
const FORMULAS = [
  '=1+1',
  '@SUM(1)',
  '-2+3',
  '+79161234567',
  '\t=1+1',
  '\r=1+1',
  '＝1+1',
  '=HYPERLINK("http://evil.example";"x")',
];
const PLAIN = ['Анна "Аня" Смирнова; первая, вторая', 'две\r\nстроки', 'две\nстроки', 'одна\rстрока', '"', 'Ünïcode 語 🙂'];

let api: TestApi;
const ROUTES = allRoutes.filter(({ alsoAs }) => alsoAs?.includes('text/csv')).map(({ path }) => path);

beforeAll(async () => {
  api = await startTestApi();
  for (const [index, name] of [...FORMULAS, ...PLAIN].entries()) {
    const { id } = await api.addAgent({ full_name: name, team: name, email: `formula${index}@test.local` });
    await recordAudit(api.db, { agentId: id, address: null, action: 'agent.created', subject: id });
    await api.db('destruction_log').insert({
      ...{ cause: 'erasure', reason: 'request', subject_number: '1', subject_id: id, actor_name: name },
      ...{ categories: JSON.stringify([{ category: name, count: 1 }]), ordered_at: new Date() },
    });
  }
  await api.admin.post('/api/fields', { label: '+7 916 123-45-67', type: 'text', key: 'formula' });
  await api.admin.post('/api/integrations', { name: '=1+1', apiKey: 'k', apiSalt: 's' });
  await api.admin.post('/api/customers', { fullName: '@SUM(1)', phones: ['+79161234567'] });
});
afterAll(() => api.close());

/** RFC 4180 by the letter, knowing nothing of who wrote the file: quotes only around whole cells, doubled within, nothing loose. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let at = 0;
  const quotedCell = (): string => {
    let cell = '';
    for (at += 1; ; at += 1) {
      if (at >= text.length) throw new Error('A quote is not closed');
      if (text[at] !== '"') cell += text[at];
      else if (text[at + 1] === '"') cell += text[(at += 1)];
      else break;
    }
    at += 1;
    return cell;
  };
  const plainCell = (): string => {
    const [cell = ''] = /^[^;\r\n]*/.exec(text.slice(at)) ?? [];
    if (cell.includes('"')) throw new Error(`A quote within a cell that has none around it: ${cell}`);
    at += cell.length;
    return cell;
  };
  while (at < text.length) {
    const row = [text[at] === '"' ? quotedCell() : plainCell()];
    while (text[at] === ';') {
      at += 1;
      row.push(text[at] === '"' ? quotedCell() : plainCell());
    }
    if (text.slice(at, at + 2) !== '\r\n') throw new Error(`No end of line after ${JSON.stringify(row)}`);
    at += 2;
    rows.push(row);
  }
  return rows;
}

async function tableAt(path: string): Promise<string[][] | null> {
  const response = await fetch(api.origin + path, { headers: { cookie: api.admin.cookie ?? '', accept: 'text/csv' } });
  if (response.status === 400) return null;
  expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 200, 'text/csv; charset=utf-8']);
  expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="[a-z0-9-]+\.csv"$/);
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await response.arrayBuffer());
  expect(text.startsWith('\uFEFF')).toBe(true);
  const rows = readCsv(text.slice(1));
  expect(new Set(rows.map(({ length }) => length)).size, path).toBe(1);
  return rows;
}

const period = new URLSearchParams({
  ...{ from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date(Date.now() + 3_600_000).toISOString() },
  ...{ tz: 'Europe/Moscow', format: 'csv', pageSize: '200' },
});
const addressesOf = (path: string): string[] => {
  const query = new URLSearchParams(period);
  if (!path.includes('{section}')) {
    query.delete('tz');
    return [`${path}?${query.toString()}`];
  }
  query.delete('pageSize');
  return SECTIONS.flatMap((section) =>
    STATISTICS_TABLES.map((table) => `${path.replace('{section}', section)}?${query.toString()}&table=${table}`),
  );
};

describe('Check 31: files for spreadsheets', () => {
  it('come from these routes', () => {
    expect(ROUTES).toEqual(['/api/audit', '/api/destruction-log', '/api/statistics/{section}']);
  });

  it.each(ROUTES)('%s: no cell begins like a formula, quotes and line breaks come back as they were', async (route) => {
    const tables = (await Promise.all(addressesOf(route).map(tableAt))).filter((table) => table !== null);
    const cells = tables.flat(2);
    expect(cells.filter((cell) => /^[=+\-@\t\r＝＋－＠]/.test(cell))).toEqual([]);
    for (const name of FORMULAS) expect(cells, route).toContain(`'${name}`);
    for (const name of PLAIN) expect(cells, route).toContain(name);
  });
});
