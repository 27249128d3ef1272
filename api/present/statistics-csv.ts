import { stringify } from 'csv-stringify/sync';
import { FIGURES_OF, isAverage, medianOf, type Figure } from '../../domain/statistics.ts';
import { localTime } from '../../domain/time-zone.ts';
import type { FigureName, Figures, Section, Statistics, StatisticsTable } from '../contract/statistics.ts';

export type CsvLanguage = 'ru' | 'en';
type Words = Readonly<Record<CsvLanguage, string>>;

/** The texts of files live here: a spreadsheet has no interface to put codes into words. */
const FIGURE_WORDS: Readonly<Record<Figure, Words>> = {
  newTickets: { ru: 'Всего новых обращений', en: 'New tickets' },
  newFromCustomers: { ru: 'Новых обращений от клиентов', en: 'New from customers' },
  reopened: { ru: 'Снова открытых обращений', en: 'Reopened' },
  inWork: { ru: 'Обращений в работе', en: 'In work' },
  withReply: { ru: 'Обращений с ответом', en: 'With a reply' },
  closed: { ru: 'Закрытых обращений', en: 'Closed' },
  newAndReopened: { ru: 'Новых и снова открытых обращений', en: 'New and reopened' },
  firstReplySeconds: { ru: 'Скорость первого ответа, с', en: 'First reply, s' },
  anyReplySeconds: { ru: 'Скорость любого ответа, с', en: 'Any reply, s' },
  writingSeconds: { ru: 'Скорость написания ответа, с', en: 'Writing a reply, s' },
  totalReplies: { ru: 'Общее количество ответов', en: 'Replies in total' },
  repliesToClose: { ru: 'Количество ответов для закрытия', en: 'Replies to close' },
  timeToCloseSeconds: { ru: 'Скорость закрытия, с', en: 'Time to close, s' },
  slaFirstReplyBreached: { ru: 'Не соблюдён SLA первого ответа', en: 'SLA breached: first reply' },
  slaAnyReplyBreached: { ru: 'Не соблюдён SLA любого ответа', en: 'SLA breached: any reply' },
  slaCloseBreached: { ru: 'Не соблюдён SLA закрытия', en: 'SLA breached: close' },
};

const WORDS = {
  figure: { ru: 'Показатель', en: 'Figure' },
  value: { ru: 'Значение', en: 'Value' },
  previous: { ru: 'Предыдущий период', en: 'Period before' },
  median: { ru: 'медиана', en: 'median' },
  time: { ru: 'Время', en: 'Time' },
  weekday: { ru: 'День недели', en: 'Weekday' },
  hour: { ru: 'Час', en: 'Hour' },
  channel: { ru: 'Канал', en: 'Channel' },
  agent: { ru: 'Сотрудник', en: 'Agent' },
  team: { ru: 'Команда', en: 'Team' },
  total: { ru: 'Всего', en: 'Total' },
} as const satisfies Readonly<Record<string, Words>>;

const CHANNEL_WORDS: Readonly<Record<string, Words>> = {
  call: { ru: 'Звонки', en: 'Calls' },
  email: { ru: 'Почта', en: 'Email' },
  chat: { ru: 'Чат', en: 'Chat' },
  web: { ru: 'Веб-форма', en: 'Web form' },
  messenger: { ru: 'Мессенджеры', en: 'Messengers' },
  social: { ru: 'Соцсети', en: 'Social media' },
};

const WEEKDAYS: Readonly<Record<CsvLanguage, readonly string[]>> = {
  ru: ['понедельник', 'вторник', 'среда', 'четверг', 'пятница', 'суббота', 'воскресенье'],
  en: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
};

/** The table a section shows first. */
const OWN_TABLE: Readonly<Record<Section, StatisticsTable>> = {
  load: 'figures',
  peak: 'peak',
  channels: 'channels',
  speed: 'figures',
  sla: 'figures',
  team: 'agents',
};

type Cell = string | number | null;
type Table = readonly (readonly Cell[])[];
type Values = Partial<Record<FigureName, number | null>>;

const wordsOf = (name: FigureName, lang: CsvLanguage): string => {
  const figure = name.replace(/Median$/, '') as Figure;
  const words = FIGURE_WORDS[figure][lang];
  return name === figure ? words : `${words} (${WORDS.median[lang]})`;
};

const columnsOf = (section: Section, medians: boolean): FigureName[] =>
  FIGURES_OF[section].flatMap((figure) => (medians && isAverage(figure) ? [figure, medianOf(figure) as FigureName] : [figure]));

const valuesOf = (row: Values, columns: readonly FigureName[]): Cell[] => columns.map((name) => row[name] ?? null);

function figuresTable({ section, figures, previous }: Statistics, lang: CsvLanguage): Table {
  const head = [WORDS.figure[lang], WORDS.value[lang], ...(previous ? [WORDS.previous[lang]] : [])];
  const line = (name: FigureName, of: Figures): Cell => of[name] ?? null;
  return [
    head,
    ...columnsOf(section, true).map((name) => [
      wordsOf(name, lang),
      line(name, figures),
      ...(previous ? [line(name, previous.figures)] : []),
    ]),
  ];
}

function rowsTable<R extends Values>(
  columns: readonly FigureName[],
  lang: CsvLanguage,
  head: readonly string[],
  rows: readonly R[],
  lead: (row: R) => Cell[],
): Table {
  return [
    [...head, ...columns.map((name) => wordsOf(name, lang))],
    ...rows.map((row) => [...lead(row), ...valuesOf(row, columns)]),
  ];
}

/** What stands below rows that a ticket may occur in several of: everything, each ticket once. */
function totalsOf({ figures, previous }: Statistics, columns: readonly FigureName[], lang: CsvLanguage): Table {
  return [
    [WORDS.total[lang], ...valuesOf(figures, columns)],
    ...(previous ? [[WORDS.previous[lang], ...valuesOf(previous.figures, columns)]] : []),
  ];
}

/** The rows of one table; undefined if the section has no such table. */
export function tableOf(statistics: Statistics, wanted: StatisticsTable | undefined, lang: CsvLanguage): Table | undefined {
  const { section, series, peak, channels, agents, teams, tz } = statistics;
  const plain = columnsOf(section, false);
  const full = columnsOf(section, true);
  const withTotals = (table: Table | undefined): Table | undefined => table && [...table, ...totalsOf(statistics, full, lang)];
  switch (wanted ?? OWN_TABLE[section]) {
    case 'figures':
      return figuresTable(statistics, lang);
    case 'series':
      return series && rowsTable(plain, lang, [WORDS.time[lang]], series, (row) => [localTime(tz, Date.parse(row.at))]);
    case 'peak': {
      const head = [WORDS.weekday[lang], WORDS.hour[lang]];
      return peak && rowsTable(plain, lang, head, peak, (row) => [WEEKDAYS[lang][row.weekday - 1] ?? null, row.hour]);
    }
    case 'channels':
      return withTotals(
        channels &&
          rowsTable(full, lang, [WORDS.channel[lang]], channels, (row) => [CHANNEL_WORDS[row.channel]?.[lang] ?? row.channel]),
      );
    case 'agents':
      return withTotals(agents && rowsTable(full, lang, [WORDS.agent[lang]], agents, (row) => [row.agent.fullName]));
    case 'teams':
      return withTotals(teams && rowsTable(full, lang, [WORDS.team[lang]], teams, (row) => [row.team]));
  }
}

/** Russian Excel reads a comma in numbers, and semicolons between cells in either language. */
const written = (cell: Cell, lang: CsvLanguage): string => {
  if (cell === null) return '';
  if (typeof cell === 'string') return cell;
  return lang === 'ru' ? String(cell).replace('.', ',') : String(cell);
};

/** A table as a file that Excel opens in Russian; text that looks like a formula stays text. */
export const csvOf = (table: Table, lang: CsvLanguage): string =>
  stringify(
    table.map((row) => row.map((cell) => written(cell, lang))),
    { bom: true, delimiter: ';', record_delimiter: 'windows', quote_record_delimiter: true, escape_formulas: true },
  );
