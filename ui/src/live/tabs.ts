import { newId } from '../new-id.ts';

const KEY = 'trubka.tab';
const STALE_MS = 90_000;
const REFRESH_MS = 20_000;
const me = newId();

const claim = (): void => localStorage.setItem(KEY, `${Date.now()}:${me}`);
/** Where the demo phones lie nobody works: another tab, if there is one, is the agent's desk. */
const isDesk = (): boolean => location.pathname !== '/demo';
const claimDesk = (): void => void (isDesk() && claim());
const isMine = (): boolean => localStorage.getItem(KEY)?.endsWith(me) ?? false;

/**
 * Whether this is the tab the agent used last. What must happen once (the profile that opens, the ring) happens here;
 * the other tabs show the same cards and stay where they are.
 */
export function isLeadingTab(): boolean {
  const held = localStorage.getItem(KEY);
  const age = Date.now() - Number(held?.split(':')[0] ?? 0);
  return !held || age > STALE_MS || held.endsWith(me);
}

export function followTabs(): void {
  if (document.visibilityState === 'visible') claimDesk();
  window.addEventListener('focus', claimDesk);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && claimDesk());
  window.addEventListener('pagehide', () => isMine() && localStorage.removeItem(KEY));
  setInterval(() => isMine() && claim(), REFRESH_MS);
}
