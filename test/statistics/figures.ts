/** The sections and their figures as spec.md lists them (S20–S25), apart from the product's own table. */
export const FIGURES_OF_SECTION = {
  load: ['newTickets', 'newFromCustomers', 'reopened', 'inWork', 'withReply', 'closed'],
  peak: ['newAndReopened', 'inWork'],
  channels: ['newAndReopened', 'inWork', 'closed'],
  speed: ['firstReplySeconds', 'anyReplySeconds', 'writingSeconds', 'repliesToClose', 'timeToCloseSeconds'],
  sla: ['slaFirstReplyBreached', 'slaAnyReplyBreached', 'slaCloseBreached'],
  team: [
    'newTickets',
    'newFromCustomers',
    'reopened',
    'inWork',
    'withReply',
    'firstReplySeconds',
    'slaFirstReplyBreached',
    'anyReplySeconds',
    'slaAnyReplyBreached',
    'writingSeconds',
    'totalReplies',
    'repliesToClose',
    'closed',
    'timeToCloseSeconds',
    'slaCloseBreached',
  ],
} as const;

export const SECTION_NAMES = ['load', 'peak', 'channels', 'speed', 'sla', 'team'] as const;

export const isTicketCount = (figure: string): boolean =>
  !figure.endsWith('Seconds') && figure !== 'totalReplies' && figure !== 'repliesToClose';
