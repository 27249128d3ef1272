import type { InspectedEvent } from '../contract.ts';
import { formatNumber, formatPhone, formatWait } from '../format.ts';
import { t, textOf, type PlainKey } from '../text/index.ts';

/** What the PBX sends where, by its name here. */
const KINDS: Readonly<Record<string, PlainKey>> = {
  '/events/call': 'inspector.kinds.call',
  '/events/summary': 'inspector.kinds.summary',
  '/events/recording': 'inspector.kinds.recording',
  '/events/record/added': 'inspector.kinds.recordAdded',
  '/result/callback': 'inspector.kinds.callback',
  '/result/stat': 'inspector.kinds.statistics',
  agent: 'inspector.kinds.agent',
  system: 'inspector.kinds.system',
  reconcile: 'inspector.kinds.reconcile',
};

/** A kind as the filter names it: a path, or where the event came from. */
export const kindText = (kind: string): string => (KINDS[kind] ? t(KINDS[kind]) : kind);
export const kindOf = (event: Pick<InspectedEvent, 'source' | 'path'>): string =>
  kindText(event.source === 'pbx' || event.path ? (event.path ?? '') : event.source);

/** What it means and what to do, in one or two sentences. */
export function reasonsOf({ verdict, why }: Pick<InspectedEvent, 'verdict' | 'why'>): string[] {
  const because = textOf(`inspector.because.${verdict}`);
  const more = why ? textOf(`inspector.why.${why}`) : null;
  return [because, more].filter((text) => text !== null);
}

export function endText(end: InspectedEvent['from']): string {
  if (!end) return t('inspector.hidden');
  return end.extension ?? (end.number ? formatPhone(end.number) : t('inspector.hidden'));
}

/** Who with whom; only of a leg is a caller whom nobody names one who hides the number. */
export function partiesOf({ from, to, path }: Pick<InspectedEvent, 'from' | 'to' | 'path'>): string {
  if (path === '/events/call' && !from) return to ? `${t('inspector.hidden')} → ${endText(to)}` : t('inspector.hidden');
  if (!from) return to ? endText(to) : '';
  return `${endText(from)} → ${to ? endText(to) : '…'}`;
}

/** 35 ms, 1.2 s, 3 min. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return t('inspector.millis', { n: ms });
  if (ms < 60_000) return t('inspector.seconds', { n: formatNumber(ms / 1000, { maximumFractionDigits: 1 }) });
  return formatWait(ms / 1000);
}
