import { expect, test } from 'vitest';
import { CHANNELS, FIGURES, FIGURES_OF, medianOf, SECTIONS } from '../../domain/statistics.ts';
import type { Statistics } from '../../api/contract/statistics.ts';
import { csvOf, tableOf } from '../../api/present/statistics-csv.ts';
import { en } from '../../ui/src/text/en.ts';
import { ru } from '../../ui/src/text/ru.ts';

const figures = Object.fromEntries(FIGURES.flatMap((figure) => [figure, medianOf(figure)]).map((name) => [name, 1]));
const period = { from: '2026-03-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z', tz: 'UTC' };
const answer = (section: (typeof SECTIONS)[number], more: Partial<Statistics> = {}): Statistics => ({
  ...{ section, ...period, figures, previous: { ...period, figures }, rules: [], behind: 0 },
  ...more,
});
const texts = { ru, en };

test.each(['ru', 'en'] as const)('S20–S25 a file in %s uses the words of the screen', (lang) => {
  const { statistics, channel, staff } = texts[lang];
  for (const section of SECTIONS) {
    const [head, ...lines] = tableOf(answer(section), 'figures', lang) ?? [];
    expect(head?.slice(1)).toEqual([expect.any(String), statistics.previous]);
    const names = lines.map(([name]) => String(name)).filter((name) => !name.endsWith(')'));
    expect(names.map((name) => name.replace(/, [сs]$/, ''))).toEqual(
      FIGURES_OF[section].map((figure) => statistics.figure[figure]),
    );
  }
  const channels = CHANNELS.map((one) => ({ channel: one, ...figures }));
  const byChannel = tableOf(answer('channels', { channels }), 'channels', lang) ?? [];
  const rows = [...CHANNELS.map((one) => channel[one]), statistics.total, statistics.previous];
  expect(byChannel.slice(1).map(([name]) => name)).toEqual(rows);
  expect(tableOf(answer('team', { teams: [] }), 'teams', lang)?.[0]?.[0]).toBe(staff.team);
  expect(tableOf(answer('team', { agents: [] }), 'agents', lang)?.[0]?.[0]).toBe(staff.agent);
});

test.each(['=1+1', '+79123456789', '-1', '@sum', '\t=1', '＝1'])('S25 a file leaves %j a text', (fullName) => {
  const agents = [{ agent: { id: 'a', fullName }, ...figures }];
  const file = csvOf(tableOf(answer('team', { agents }), 'agents', 'ru') ?? [], 'ru');
  const line = file.split('\r\n')[1] ?? '';
  expect(line.replace(/^"/, '').startsWith(`'${fullName}`)).toBe(true);
});
