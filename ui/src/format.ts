import { shallowRef } from 'vue';
import { language, localeOf, t } from './text/index.ts';

type FormatForeign = (phone: string) => string;
const formatForeign = shallowRef<FormatForeign | null>(null);
let asked = false;

/** A number as people write it. The library for other countries' numbers loads when the first of them is shown. */
export function formatPhone(phone: string): string {
  const russian = /^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(phone);
  if (russian) return `+7 ${russian[1]} ${russian[2]}-${russian[3]}-${russian[4]}`;
  if (!phone.startsWith('+')) return phone;
  if (!asked) {
    asked = true;
    void import('./format-foreign.ts').then((module) => (formatForeign.value = module.formatForeign));
  }
  return formatForeign.value?.(phone) ?? phone;
}

/** 0:07, 12:40, 1:02:03. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, minutes, rest] = parts as [number, number, number];
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** How long something has waited, as exactly as it matters: 40 s, 12 min, 3 h, 2 d 5 h, 9 days. */
export function formatWait(seconds: number): string {
  if (seconds < 60) return t('time.seconds', { n: Math.max(0, Math.floor(seconds)) });
  if (seconds < 3600) return t('time.minutes', { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t('time.hours', { n: Math.floor(seconds / 3600) });
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  if (hours === 0 || days >= 7) return t('time.days', { n: days });
  return `${t('time.daysShort', { n: days })} ${t('time.hours', { n: hours })}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = localeOf[language.value] + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(localeOf[language.value], options)));
  return format;
}

const startOfDay = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();

/** As short as it stays clear: 14:20 today, «вчера, 14:20», 12 May, 12.05.2024. */
export function formatMoment(iso: string, now: number = Date.now()): string {
  const at = new Date(iso);
  const days = Math.round((startOfDay(new Date(now)) - startOfDay(at)) / 86_400_000);
  const time = dateFormat({ hour: '2-digit', minute: '2-digit' }).format(at);
  if (days === 0) return time;
  if (days === 1) return t('time.yesterdayAt', { time });
  if (at.getFullYear() === new Date(now).getFullYear()) return dateFormat({ day: 'numeric', month: 'short' }).format(at);
  return dateFormat({ day: '2-digit', month: '2-digit', year: 'numeric' }).format(at);
}

/** Day and time, also of the night or the weekend before: 14:20 today, «вчера, 21:40», «пт, 15 мая, 21:40». */
export function formatDayTime(iso: string, now: number = Date.now()): string {
  const at = new Date(iso);
  const days = Math.round((startOfDay(new Date(now)) - startOfDay(at)) / 86_400_000);
  if (days === 0 || days === 1) return formatMoment(iso, now);
  const year = at.getFullYear() === new Date(now).getFullYear() ? {} : ({ year: 'numeric' } as const);
  const weekday = days > 0 && days < 7 ? ({ weekday: 'short' } as const) : {};
  return dateFormat({ ...weekday, day: 'numeric', month: 'short', ...year, hour: '2-digit', minute: '2-digit' }).format(at);
}

/** The whole date and time, for threads and for hints. */
export function formatFull(iso: string): string {
  return dateFormat({ day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(new Date(iso));
}

/** A day of the calendar, wherever one looks from: «28 февраля 2026 г.» */
export function formatDay(day: string): string {
  const [year, month, date] = day.split('-').map(Number);
  if (!year || !month || !date) return day;
  return dateFormat({ day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(year, month - 1, date));
}

/** The day and the time to the second, for logs: «27 нояб., 14:20:07», with the year where it is another one. */
export function formatExactDay(iso: string, now: number = Date.now()): string {
  const at = new Date(iso);
  const year = at.getFullYear() === new Date(now).getFullYear() ? {} : ({ year: 'numeric' } as const);
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
  return dateFormat({ day: 'numeric', month: 'short', ...year, ...time }).format(at);
}

/** To the millisecond: 14:20:07.123, on another day with its date before. */
export function formatExact(iso: string, now: number = Date.now()): string {
  const at = new Date(iso);
  const time = dateFormat({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }).format(at);
  if (startOfDay(at) === startOfDay(new Date(now))) return time;
  return `${dateFormat({ day: '2-digit', month: '2-digit' }).format(at)} ${time}`;
}

/** How many there are; «1 000+» where a search found more than it counts. */
export const formatTotal = ({ total, more }: { readonly total: number; readonly more?: boolean | undefined }): string =>
  `${formatNumber(total)}${more ? '+' : ''}`;

export function formatNumber(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(localeOf[language.value], options).format(value);
}

/** 12 MB: as much as people care about. */
export function formatBytes(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return formatNumber(bytes / 1000 ** step, {
    style: 'unit',
    unit: units[step] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits: step > 1 ? 1 : 0,
  });
}

/** «Иван Петров» → «ИП». */
export function initialsOf(fullName: string): string {
  const words = fullName.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  return words
    .slice(0, 2)
    .map((word) => word[0]!.toLocaleUpperCase())
    .join('');
}
