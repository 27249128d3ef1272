import { shallowReactive } from 'vue';

export interface Notice {
  readonly id: number;
  readonly kind: 'done' | 'failed';
  readonly title: string;
  readonly text?: string;
  /** Small beside the text: for whoever looks after the machinery. */
  readonly aside?: string;
}

const SHOWN_MS = 5000;
let last = 0;

/** What the agent is told in passing. Failures stay until they are closed; the rest goes by itself. */
export const notices = shallowReactive<Notice[]>([]);

export function dismissNotice(id: number): void {
  const at = notices.findIndex((notice) => notice.id === id);
  if (at >= 0) notices.splice(at, 1);
}

export function tell(notice: Omit<Notice, 'id'>): number {
  const id = (last += 1);
  notices.push({ ...notice, id });
  if (notice.kind === 'done') setTimeout(() => dismissNotice(id), SHOWN_MS);
  return id;
}
