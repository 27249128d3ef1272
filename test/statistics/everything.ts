import { expect } from 'vitest';
import { SECTIONS, type Statistics } from '../../api/contract/statistics.ts';
import { checkFacts } from '../../db/statistics/facts.ts';
import { checkRollUps } from '../../db/statistics/roll-ups.ts';
import { as, type TestApi } from '../support/api.ts';

const period = () => ({
  from: new Date(Date.now() - 86_400_000).toISOString(),
  to: new Date(Date.now() + 86_400_000).toISOString(),
  tz: 'Europe/Moscow',
});
const sectionOf = async (api: TestApi, section: string): Promise<Statistics> =>
  as<Statistics>(await api.admin.get(`/api/statistics/${section}?${new URLSearchParams(period()).toString()}`));

export interface Counted {
  readonly figures: Readonly<Record<string, number | null>>;
  /** The tickets each figure leads to. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}
/** Every figure of these days, with its list; wherever a figure counts tickets the list is as long. The facts fit their source. */
export async function everything(api: TestApi): Promise<Counted> {
  const figures: Record<string, number | null> = {};
  const lists: Record<string, string[]> = {};
  for (const section of SECTIONS) {
    const answer = await sectionOf(api, section);
    Object.assign(figures, answer.figures);
    for (const { figure, unit, leadsTo } of answer.rules) {
      const list = as<{ items: { id: string }[]; total: number }>(
        await api.admin.get(`/api/tickets?${new URLSearchParams(leadsTo).toString()}`),
      );
      lists[figure] = list.items.map(({ id }) => id).sort();
      if (unit === 'tickets') expect(list.total, figure).toBe(answer.figures[figure]);
    }
  }
  expect(await checkFacts(api.db)).toEqual([]);
  expect(await checkRollUps(api.db)).toBe(0);
  return { figures, lists };
}
