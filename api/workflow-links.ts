import { BOARD_PATH, QUEUE_NAMES, TEMPORAL_UI_PATH } from './admin-paths.ts';

/** Where a workflow stands on the board. */
export const boardUrl = (type: keyof typeof QUEUE_NAMES, workflowId: string): string =>
  `${BOARD_PATH}/queue/${encodeURIComponent(QUEUE_NAMES[type])}/${encodeURIComponent(workflowId)}`;

/** Its latest run in Temporal's Web UI. */
export const latestWorkflowUrl = (namespace: string, workflowId: string): string =>
  `${TEMPORAL_UI_PATH}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
