import type { Response } from 'express';
import type { ErasureReason, ErasureTexts } from '../../db/erasures.ts';
import { localMoment } from '../../domain/time-zone.ts';
import type { Destruction } from '../contract/privacy.ts';
import type { AuditEntry } from '../contract/settings.ts';
import { SENT } from '../route.ts';
import { AUDIT_WORDS } from './audit-words.ts';
import { csvOf, type CsvLanguage } from './statistics-csv.ts';

type Words = Readonly<Record<CsvLanguage, string>>;
type Row = readonly string[];

/** The texts of files live here: a spreadsheet has no interface to put codes into words. */
const WORDS: Readonly<Record<string, Words>> = {
  at: { ru: 'Когда', en: 'When' },
  who: { ru: 'Кто', en: 'Who' },
  address: { ru: 'Адрес', en: 'Address' },
  action: { ru: 'Действие', en: 'Action' },
  code: { ru: 'Код действия', en: 'Action code' },
  subject: { ru: 'Над чем', en: 'Subject' },
  about: { ru: 'Название', en: 'Name' },
  detail: { ru: 'Подробности', en: 'Details' },
  service: { ru: 'Система по настройкам срока хранения', en: 'The system, by its retention settings' },
  destroyedAt: { ru: 'Дата уничтожения', en: 'Destroyed at' },
  dataSubject: { ru: 'Субъект персональных данных', en: 'Data subject' },
  categories: { ru: 'Перечень категорий уничтоженных данных', en: 'Categories of data destroyed' },
  system: { ru: 'Информационная система', en: 'Information system' },
  reason: { ru: 'Причина уничтожения', en: 'Reason' },
  method: { ru: 'Способ уничтожения', en: 'Method' },
  orderedBy: { ru: 'Кто распорядился', en: 'Ordered by' },
  orderedAt: { ru: 'Дата распоряжения', en: 'Ordered at' },
  texts: { ru: 'Темы и сообщения', en: 'Subjects and messages' },
  erase: { ru: 'удалены', en: 'erased' },
  keep: { ru: 'оставлены без имени, номеров и адресов', en: 'kept without name, numbers and addresses' },
  trubka: { ru: 'Трубка (база данных и хранилище записей)', en: 'Trubka (database and recording store)' },
  deleted: { ru: 'Удаление и обезличивание средствами системы', en: 'Deleted and anonymised by the system' },
  many: { ru: 'Все, чей срок хранения истёк', en: 'Everybody whose term was over' },
  term_over: { ru: 'Истёк срок хранения', en: 'The retention term was over' },
  request: { ru: 'Требование субъекта', en: 'The subject’s request' },
  consent_withdrawn: { ru: 'Отзыв согласия', en: 'Consent withdrawn' },
  purpose_reached: { ru: 'Цель обработки достигнута', en: 'The purpose is reached' },
  unlawful: { ru: 'Неправомерная обработка', en: 'Unlawful processing' },
  profile: { ru: 'профиль пользователя', en: 'profile' },
  phones: { ru: 'номера телефонов', en: 'telephone numbers' },
  emails: { ru: 'email-адреса', en: 'e-mail addresses' },
  tickets: { ru: 'обращения (темы и номера)', en: 'tickets (subjects and numbers)' },
  messages: { ru: 'сообщения', en: 'messages' },
  calls: { ru: 'звонки (номера)', en: 'calls (numbers)' },
  recordings: { ru: 'записи разговоров', en: 'recordings' },
  raw_events: { ru: 'исходные тексты и номера событий АТС', en: 'raw texts and numbers of PBX events' },
  stream_events: { ru: 'события ленты', en: 'stream events' },
  sign_in_attempts: { ru: 'попытки входа', en: 'sign-in attempts' },
  refused_events: { ru: 'отклонённые запросы АТС', en: 'refused requests' },
  sessions: { ru: 'сеансы', en: 'sessions' },
};
const word = (key: string, lang: CsvLanguage): string => WORDS[key]?.[lang] ?? key;
/** An action of a version to come has its code alone. */
const doneIn = (action: string, lang: CsvLanguage): string =>
  (AUDIT_WORDS as Readonly<Record<string, Words>>)[action]?.[lang] ?? action;
const pseudonym = (number: string, lang: CsvLanguage): string =>
  lang === 'ru' ? `Удалённый пользователь № ${number}` : `Deleted customer No. ${number}`;

/** What a file of limited length leaves out is said in it. */
const leftOut = (rows: number, lang: CsvLanguage): readonly Row[] =>
  rows > 0
    ? [[lang === 'ru' ? `Не вошло строк: ${rows}. Выберите период короче.` : `Rows left out: ${rows}. Choose a shorter period.`]]
    : [];

/** Times are those of the working time zone, which the column's name says. */
export function auditCsv(entries: readonly AuditEntry[], total: number, lang: CsvLanguage, zone: string): string {
  const [at, ...others] = ['at', 'who', 'address', 'action', 'code', 'subject', 'about', 'detail'].map((key) => word(key, lang));
  const head = [`${at} (${zone})`, ...others];
  const rows = entries.map(({ at, agent, address, action, subject, about, detail }): Row => {
    const details = Object.keys(detail).length > 0 ? JSON.stringify(detail) : '';
    return [
      localMoment(zone, Date.parse(at)),
      agent?.fullName ?? '',
      address ?? '',
      doneIn(action, lang),
      action,
      subject ?? '',
      about?.name ?? '',
      details,
    ];
  });
  return csvOf([head, ...rows, ...leftOut(total - rows.length, lang)], lang);
}

export function destructionCsv(entries: readonly Destruction[], total: number, lang: CsvLanguage, zone: string): string {
  const local = (iso: string): string => localMoment(zone, Date.parse(iso));
  const columns = ['destroyedAt', 'dataSubject', 'categories', 'system', 'reason', 'method', 'orderedBy', 'orderedAt', 'texts'];
  const rows = entries.map(({ at, subject, categories, reason, orderedBy, orderedAt, texts }): Row => [
    local(at),
    subject ? `${pseudonym(subject.number, lang)} (${subject.customerId})` : word('many', lang),
    categories.map(({ category, count }) => `${word(category, lang)}: ${count}`).join(', '),
    word('trubka', lang),
    word(reason, lang),
    word('deleted', lang),
    orderedBy ?? word('service', lang),
    orderedAt ? local(orderedAt) : '',
    texts ? word(texts, lang) : '',
  ]);
  const [first, ...others] = columns.map((key) => word(key, lang));
  return csvOf([[`${first} (${zone})`, ...others], ...rows, ...leftOut(total - rows.length, lang)], lang);
}

export interface ErasureInLog {
  readonly customerId: string;
  readonly reason: ErasureReason;
  /** Where the line says it. */
  readonly texts?: ErasureTexts | undefined;
}
const REASONS = ['request', 'consent_withdrawn', 'purpose_reached', 'unlawful'] as const satisfies readonly ErasureReason[];
const TEXTS = ['erase', 'keep'] as const satisfies readonly ErasureTexts[];
const SUBJECT = /(?:№|No\.) \d+ \(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)/;

const CELL = /(?:"((?:[^"]|"")*)"|([^;\r\n]*))(;|\r?\n|$)/g;

/** What `csvOf` wrote: quoted cells may hold semicolons and ends of lines. */
function rowsOf(csv: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of csv.matchAll(CELL)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ';') rows.push([]);
  }
  return rows;
}

/** Reads an export of the destruction log, of either language: whose data were erased on an order, the oldest first. */
export function erasuresIn(csv: string): ErasureInLog[] {
  const said = <K extends string>(cell: string | undefined, keys: readonly K[]): K | undefined =>
    keys.find((key) => Object.values(WORDS[key] ?? {}).includes(cell ?? ''));
  const found = rowsOf(csv).flatMap((cells): ErasureInLog[] => {
    const customerId = SUBJECT.exec(cells[1] ?? '')?.[1];
    const [reason, texts] = [said(cells[4], REASONS), said(cells[8], TEXTS)];
    return customerId === undefined ? [] : [{ customerId, reason: reason ?? 'request', texts }];
  });
  return found.reverse();
}

export function sendCsvFile(response: Response, name: string, csv: string): typeof SENT {
  response.set({ 'Cache-Control': 'no-store', 'Content-Disposition': `attachment; filename="${name}.csv"` });
  response.type('text/csv; charset=utf-8').send(csv);
  return SENT;
}
