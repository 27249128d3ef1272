/** Addresses of the admins' machinery, for those who link to it. */
export const BOARD_PATH = '/admin/workflows';
export const TEMPORAL_UI_PATH = '/admin/temporal';
/** Names of the board's queues in addresses. */
export const QUEUE_NAMES = { call: 'Звонки', callback: 'Обратные звонки', maintenance: 'Обслуживание' } as const;
