import type { Page, Request } from 'playwright-core';

/** The stream, and the script of the worker that holds it, of whose arrival a page is not told. */
const ENDLESS = /\/(api\/events|assets\/shared-line-[^/]+\.js)$/;
const CALM_MS = 100;
const running = new WeakMap<Page, Set<Request>>();

/** Keeps count of what a page is loading, from its beginning on. */
export function followRequests(page: Page): void {
  const asked = new Set<Request>();
  running.set(page, asked);
  const isOver = (request: Request): void => void asked.delete(request);
  page.on('requestfinished', isOver).on('requestfailed', isOver);
  page.on('request', (request) => {
    if (!ENDLESS.test(request.url())) asked.add(request);
  });
}

/** Nothing is being loaded any more; the stream, which never ends, apart. */
export async function settled(page: Page, withinMs = Number.POSITIVE_INFINITY): Promise<void> {
  await page.waitForLoadState('load');
  const begun = performance.now();
  let calmSince = begun;
  while (performance.now() - calmSince < CALM_MS && performance.now() - begun < withinMs) {
    if (running.get(page)?.size) calmSince = performance.now();
    await page.evaluate('new Promise(requestAnimationFrame)');
  }
}
