import { ref, shallowRef } from 'vue';
import { fill, lookUp, type ParamsOf, type PathOf, type SameShape, type TextTree } from './translate.ts';
import { ru } from './ru.ts';

export type Texts = SameShape<typeof ru>;
export type TextKey = PathOf<typeof ru>;
/** A text that needs nothing filled in. */
export type PlainKey = { [K in TextKey]: ParamsOf<typeof ru, K> extends [] ? K : never }[TextKey];
export type Language = 'ru' | 'en';

const texts = shallowRef<TextTree>(ru);
/** The language on the screen. */
export const language = ref<Language>('ru');
/** What dates and numbers are written by. */
export const localeOf: Readonly<Record<Language, string>> = { ru: 'ru-RU', en: 'en-GB' };

/** Switches the interface; the other language's texts arrive as a chunk of their own. */
export async function setLanguage(next: Language): Promise<void> {
  texts.value = next === 'ru' ? ru : (await import('./en.ts')).en;
  language.value = next;
  document.documentElement.lang = next;
}

/** The text under a key in the language on the screen. A missing key is a compile error. */
export function t<K extends TextKey>(key: K, ...params: ParamsOf<typeof ru, K>): string {
  return textOf(key, params[0]) ?? key;
}

/** The text of a code that came from outside, if there is one for it. */
export function textOf(key: string, params?: Readonly<Record<string, string | number>>): string | null {
  const text = lookUp(texts.value, key);
  return text === undefined ? null : fill(text, params ?? {}, language.value);
}
