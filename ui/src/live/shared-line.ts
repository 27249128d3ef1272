import { openLine, type Line, type Told } from './line.ts';

/** What a tab says to the worker. */
export interface Said {
  readonly say: 'hello' | 'anew' | 'bye';
  readonly agentId: string;
}

/**
 * The line that all tabs of a browser share: a browser opens no more than six connections to a host that speaks HTTP/1.1, and six
 * tabs with a stream each would leave none for anything else. It lives in a SharedWorker, so no tab that is closed, hidden or
 * frozen takes it away from the others.
 */
const tabs = new Set<MessagePort>();
let line: Line | null = null;
/** Each tab says that the network is back; once is enough. */
const ONCE_IN_MS = 1000;
let renewedAt = 0;
/** Whose line it is, while it is open. */
let whose: string | null = null;

function tellAll(told: Told): void {
  if (told.kind === 'open') whose = told.agentId;
  if (told.kind === 'broken' || told.kind === 'refused') whose = null;
  for (const tab of tabs) tab.postMessage(told);
}

function welcome(tab: MessagePort, agentId: string): void {
  tabs.add(tab);
  if (!line) line = openLine(tellAll);
  else if (whose === agentId) tab.postMessage({ kind: 'open', agentId } satisfies Told);
  // Somebody else has signed in since: the service says whose the session is by now.
  else if (whose !== null) line.anew();
}

function renew(): void {
  if (Date.now() - renewedAt < ONCE_IN_MS) return;
  renewedAt = Date.now();
  line?.anew();
}

function leave(tab: MessagePort): void {
  tabs.delete(tab);
  tab.close();
  if (tabs.size > 0) return;
  line?.close();
  line = whose = null;
}

/** The DOM's types know no worker's scope. */
const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = ({ ports: [tab] }) => {
  tab!.onmessage = ({ data: { say, agentId } }: MessageEvent<Said>) => {
    if (say === 'hello') welcome(tab!, agentId);
    if (say === 'anew') renew();
    if (say === 'bye') leave(tab!);
  };
};
