import { boardLanguage } from './acting-admin.ts';
import { en } from './words.en.ts';
import { ru } from './words.ru.ts';

type Worded<T> = { readonly [K in keyof T]: T[K] extends string ? string : Worded<T[K]> };
export type BoardWords = Worded<typeof ru>;
export type QueueKey = keyof BoardWords['queues'];

const WORDS = { ru, en } as const satisfies Record<string, BoardWords>;

/** In the language of the admin who asks. */
export const words = (): BoardWords => WORDS[boardLanguage()];
/** Of the board's own files, by the name of the folder they lie in. */
export const wordsOfLocale = (locale: string): BoardWords | undefined =>
  Object.values(WORDS).find((candidate) => candidate.locale === locale);
/** A name that may be newer than its word. */
export const wordFor = (group: Readonly<Record<string, string>>, name: string): string => group[name] ?? name;
