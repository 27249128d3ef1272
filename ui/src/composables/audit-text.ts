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
