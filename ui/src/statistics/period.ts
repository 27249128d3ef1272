import { language, localeOf, type PlainKey } from '../text/index.ts';

/** A period as people pick it: whole days, the last one included. */
export interface Days {
  readonly from: string;
  readonly to: string;
}
export const PRESETS = ['today', 'yesterday', 'week', 'month', 'thisMonth', 'lastMonth', 'thisYear'] as const;
export type Preset = (typeof PRESETS)[number];
export const PRESET_NAMES: Readonly<Record<Preset, PlainKey>> = {
  today: 'statistics.preset.today',
  yesterday: 'statistics.preset.yesterday',
  week: 'statistics.preset.week',
  month: 'statistics.preset.month',
  thisMonth: 'statistics.preset.thisMonth',
  lastMonth: 'statistics.preset.lastMonth',
  thisYear: 'statistics.preset.thisYear',
};

const two = (n: number): string => String(n).padStart(2, '0');
const dayOf = (at: Date): string => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
const shifted = (at: Date, days: number): Date => new Date(at.getFullYear(), at.getMonth(), at.getDate() + days);

export function daysOf(preset: Preset, now: Date = new Date()): Days {
  const [year, month] = [now.getFullYear(), now.getMonth()];
  switch (preset) {
    case 'today':
      return { from: dayOf(now), to: dayOf(now) };
    case 'yesterday':
      return { from: dayOf(shifted(now, -1)), to: dayOf(shifted(now, -1)) };
    case 'week':
      return { from: dayOf(shifted(now, -6)), to: dayOf(now) };
    case 'month':
      return { from: dayOf(shifted(now, -29)), to: dayOf(now) };
    case 'thisMonth':
      return { from: dayOf(new Date(year, month, 1)), to: dayOf(now) };
    case 'lastMonth':
      return { from: dayOf(new Date(year, month - 1, 1)), to: dayOf(new Date(year, month, 0)) };
    case 'thisYear':
      return { from: dayOf(new Date(year, 0, 1)), to: dayOf(now) };
  }
}

export const presetOf = (days: Days): Preset | undefined =>
  PRESETS.find((preset) => {
    const its = daysOf(preset);
    return its.from === days.from && its.to === days.to;
  });

export const isDay = (text: unknown): text is string =>
  typeof text === 'string' && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));

/** `from` ≤ time < `to`, in the viewer's own time zone. */
export function instantsOf({ from, to }: Days): { readonly from: string; readonly to: string } {
  const start = new Date(`${from}T00:00:00`);
  return { from: start.toISOString(), to: shifted(new Date(`${to}T00:00:00`), 1).toISOString() };
}

/** A period in words, as short as it stays clear: 1–30 ноября 2026 г. */
export function periodText({ from, to }: { readonly from: string; readonly to: string }): string {
  const [first, last] = [new Date(from), new Date(Date.parse(to) - 1)];
  const format = new Intl.DateTimeFormat(localeOf[language.value], { day: 'numeric', month: 'short', year: 'numeric' });
  return format.formatRange(first, last);
}

export const timeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
