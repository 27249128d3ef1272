import type { RouteLocationRaw } from 'vue-router';
import type { AuditEntry } from '../contract.ts';
import { formatFull, formatWait } from '../format.ts';
import { to } from '../router.ts';
import { t, textOf } from '../text/index.ts';

/** Everything that is noted, as the API writes it. */
export const AUDIT_ACTIONS = [
  ...['session.started', 'session.refused', 'session.ended', 'session.ended_everywhere', 'session.password_changed'],
  ...['session.code_refused', 'session.recovery_code_used', 'session.recovery_codes_made'],
  ...['session.second_factor_begun', 'session.second_factor_on', 'session.second_factor_off'],
  ...['recording.heard', 'recording.asked_again'],
  ...['statistics.exported', 'audit.exported', 'destruction_log.exported', 'customer.erasure_ordered'],
  ...[
    'agent.created',
    'agent.changed',
    'agent.deactivated',
    'agent.invited',
    'agent.invitation_followed',
    'agent.admin_restored',
    'agent.second_factor_reset',
  ],
  ...['field.created', 'field.changed', 'field.ordered', 'field.removed', 'settings.changed', 'sla.changed'],
  ...[
    'integration.created',
    'integration.changed',
    'integration.removed',
    'integration.test_call',
    'operators.refreshed',
    'operator.mapped',
  ],
  ...['workflow.retried', 'workflow.terminated', 'temporal_ui.changed', 'demo.switched'],
  ...['inspector.opened', 'inspector.unmasked', 'timeline.opened'],
] as const;

/** What was done, in words; the code itself where nobody has words for it. */
export const actionText = (action: string): string => textOf(`audit.action.${action.replace('.', '_')}`) ?? action;

/** Who did it: somebody, or the service. */
export const actorText = (name: string | undefined): string => name ?? t('author.system');

type Names = (agentId: string) => string;
/** Ids of the machinery: they lead nowhere on a screen, and the export has them. */
const ONLY_EXPORTED = new Set(['runId', 'newWorkflowId', 'callId', 'erasureId', 'fromEvent', 'messages']);
const labelOf = (name: string): string =>
  textOf(`audit.property.${name}`) ?? textOf(`demo.switch.${name}`) ?? textOf(`sla.${name}`) ?? name;
/** Codes with words of their own elsewhere, by the property they stand in. */
const CODES: Readonly<Record<string, (code: string) => string | null>> = {
  role: (code) => textOf(`role.${code}`),
  access: (code) => textOf(`access.${code}`),
  reason: (code) => textOf(`erase.reasons.${code}`),
  texts: (code) => textOf(`erase.texts.${code}`),
  how: (code) => textOf(`audit.how.${code}`),
};

function wordsOf(name: string, value: unknown, names: Names): string {
  if (value === null || value === undefined) return t('audit.nothing');
  if (typeof value === 'boolean') return value ? t('common.yes') : t('common.no');
  if (Array.isArray(value)) {
    return name === 'properties' ? value.map((each) => labelOf(String(each))).join(', ') : String(value.length);
  }
  if (name === 'agentId') return names(String(value));
  if (name.endsWith('Seconds')) return formatWait(Number(value));
  if (/^\d{4}-\d\d-\d\dT/.test(String(value))) return formatFull(String(value));
  return CODES[name]?.(String(value)) ?? (typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** Whose calls an operator's are: an agent's, nobody's yet, or those of nobody ever. */
function ownerOf(facts: unknown, names: Names): string {
  const { agentId, ignored } = facts as { readonly agentId?: string | null; readonly ignored?: boolean };
  if (ignored) return t('audit.ignored');
  return agentId ? names(agentId) : t('audit.nobody');
}

/** What else is known of it, each in words. */
export function detailsOf({ action, detail }: AuditEntry, names: Names): string[] {
  if (action === 'operator.mapped') return [`${ownerOf(detail['from'], names)} → ${ownerOf(detail['to'], names)}`];
  return Object.entries(detail)
    .filter(([name]) => !ONLY_EXPORTED.has(name))
    .map(([name, value]) => `${labelOf(name)}: ${wordsOf(name, value, names)}`);
}

/** What it was done to, and the page that shows it. */
export function aboutText({
  about,
}: AuditEntry): { readonly text: string; readonly at: RouteLocationRaw | string | null } | null {
  if (!about) return null;
  const { kind, id, name } = about;
  if (kind === 'workflow') return { text: t('audit.workflow'), at: `/admin/workflows/find?id=${encodeURIComponent(id)}` };
  if (kind === 'call') return { text: t('audit.call'), at: to('callTimeline', { callId: id }) };
  if (kind === 'event') return { text: t('audit.event', { id: id.slice(1) }), at: null };
  if (kind === 'channel' || kind === 'section') {
    return { text: textOf(kind === 'channel' ? `channel.${id}` : `statistics.section.${id}`) ?? id, at: null };
  }
  if (name === null) return { text: t('audit.gone'), at: null };
  if (kind === 'ticket') return { text: t('audit.ticket', { number: name }), at: to('ticket', { ticketId: id }) };
  return { text: name, at: null };
}
