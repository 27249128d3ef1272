import { reactive, watch } from 'vue';
import { client } from './client.ts';
import type { Session } from './contract.ts';
import { language, setLanguage, type Language } from './text/index.ts';

export interface Preferences {
  language: Language;
  ringSound: boolean;
  notifications: boolean;
  /** Single-letter shortcuts; people who dictate must be able to switch them off (WCAG 2.1.4). */
  letterKeys: boolean;
  /** Optional columns of the ticket list that are on. */
  columns: string[];
}

const KEY = 'trubka.preferences';
const SAVE_AFTER_MS = 400;
const DEFAULTS: Preferences = { language: 'ru', ringSound: false, notifications: false, letterKeys: true, columns: ['number'] };

/** What this agent chose: kept with the account, and in the browser so that the next start needs no waiting. */
export const preferences = reactive<Preferences>({ ...DEFAULTS });
let known = '';
let signedIn = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function local(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>;
  } catch {
    return {};
  }
}

function take(chosen: Partial<Preferences>): void {
  Object.assign(preferences, DEFAULTS, chosen);
  known = JSON.stringify(preferences);
}

export async function loadPreferences(session?: Session): Promise<void> {
  signedIn = session !== undefined;
  const { language: chosen = DEFAULTS.language, ...rest } = local();
  take({ language: chosen, ...(session ? (session.preferences as Partial<Preferences>) : rest) });
  localStorage.setItem(KEY, known);
  if (preferences.language !== language.value) await setLanguage(preferences.language);
}

watch(preferences, () => {
  const next = JSON.stringify(preferences);
  if (next === known) return;
  known = next;
  localStorage.setItem(KEY, next);
  if (preferences.language !== language.value) void setLanguage(preferences.language);
  clearTimeout(timer);
  if (!signedIn) return;
  // A choice that cannot be stored with the account still holds in this browser.
  timer = setTimeout(() => void client.session.change({ preferences: { ...preferences } }).catch(() => undefined), SAVE_AFTER_MS);
});

// Other tabs follow.
window.addEventListener('storage', (event) => {
  if (event.key !== KEY) return;
  take(local());
  if (preferences.language !== language.value) void setLanguage(preferences.language);
});
