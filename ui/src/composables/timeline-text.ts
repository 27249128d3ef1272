import type { TimelineEntry } from '../contract.ts';
import { formatDuration } from '../format.ts';
import { t, textOf } from '../text/index.ts';
import { formatSpan, kindOf } from './inspector-text.ts';

type Of<T extends TimelineEntry['type']> = Extract<TimelineEntry, { type: T }>;

const statusText = (status: string | null): string => (status ? (textOf(`status.${status}`) ?? status) : '');

/** What happened, in one line. */
export function titleOf(entry: TimelineEntry): string {
  switch (entry.type) {
    case 'event':
      return entry.event.agent ? `${kindOf(entry.event)}: ${entry.event.agent.fullName}` : kindOf(entry.event);
    case 'decision':
      return textOf(`timeline.decision.${entry.what}`, { name: entry.agent?.fullName ?? '' }) ?? entry.what;
    case 'ticket':
      return (
        textOf(`timeline.ticket.${entry.what}`, { number: entry.ticket.number }) ?? t('timeline.ticket.changed', entry.ticket)
      );
    case 'command':
      return t(`timeline.commands.${entry.what}`);
    case 'recording':
      return t(`timeline.recordings.${entry.what}`);
  }
}

/** What it came to: a status, an assignee, an answer. */
export function resultOf(entry: TimelineEntry): string | null {
  switch (entry.type) {
    case 'event':
      return entry.outcome && outcomeText(entry.outcome.code);
    case 'decision':
      return null;
    case 'ticket':
      return ticketResult(entry);
    case 'command':
      return commandResult(entry);
    case 'recording':
      if (entry.durationSeconds !== null) return formatDuration(entry.durationSeconds);
      return entry.reason && (textOf(`recording.${entry.reason}`) ?? entry.reason);
  }
}

function outcomeText(code: string | null): string {
  if (code === null) return t('timeline.action.done');
  return t('timeline.action.refused', { why: textOf(`problem.${code}`) ?? code });
}

function ticketResult({ what, fromStatus, toStatus, assignee }: Of<'ticket'>): string | null {
  if (what === 'assigned') return assignee?.fullName ?? t('timeline.nobody');
  if (what === 'created') return [statusText(toStatus), assignee?.fullName].filter(Boolean).join(' · ');
  return toStatus ? `${statusText(fromStatus)} → ${statusText(toStatus)}` : null;
}

/** What the agent is told, without what the agent should do. */
const meaningOf = (word: string): string => (textOf(`problem.${word}`) ?? word).split(/(?<=\.) /, 1)[0] ?? word;

function commandResult({ at, what, state, word, code, answeredAt }: Of<'command'>): string {
  const means = word === null ? '' : meaningOf(word);
  if (what === 'no_call') return code === null ? means : t('timeline.outcomes.withCode', { code, means });
  if (state === 'refused' && code !== null) return t('timeline.outcomes.refusedCode', { code, means });
  const words = textOf(`timeline.outcomes.${state ?? 'none'}`, { means }) ?? '';
  // What is not sent does not take time, and what nobody answered has not taken any yet.
  if (answeredAt === null || state === 'not_sent') return words;
  return `${words} · ${formatSpan(Date.parse(answeredAt) - Date.parse(at))}`;
}

/** The rule in words; null where a person decided or nothing was to be decided. */
export const ruleText = (rule: string): string | null => textOf(`timeline.rules.${rule}`);
