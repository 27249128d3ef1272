import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { cards, goTo, newCustomer, newNumber, openOffice, settled, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

/** From now on the server takes its time with every change, until told to go on. */
async function slowServer(page: Page): Promise<() => void> {
  let goOn: () => void = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await page.route(/\/api\//, async (route) => {
    if (route.request().method() === 'GET') return route.continue();
    await held;
    return route.continue();
  });
  return goOn;
}

/** Measures in the page itself, frame by frame, how long what was clicked or changed goes without a sign of being under way. */
const STOPWATCH = `(() => {
  let tell;
  window.underWayAfter = new Promise((resolve) => (tell = resolve));
  const watch = (event) => {
    const control = event.target.closest('button, select, input');
    if (!control) return;
    const begun = event.timeStamp;
    const look = () => {
      const shows = control.disabled || !control.isConnected || control.querySelector('.animate-spin');
      if (shows) tell(performance.now() - begun);
      else requestAnimationFrame(look);
    };
    look();
  };
  document.addEventListener('click', watch, { capture: true });
  document.addEventListener('change', watch, { capture: true });
})()`;
const underWayAfter = (page: Page): Promise<number> => page.evaluate<number>('window.underWayAfter');
const PAGE_STOPWATCH = `void (window.underWayAfter = new Promise((resolve) => document.addEventListener('click', (event) => {
  const look = () => (document.querySelector('[aria-busy=true]') ? resolve(performance.now() - event.timeStamp) : requestAnimationFrame(look));
  look();
}, { capture: true, once: true })))`;
/** When the page no longer shows any card, to the frame. */
const CARDS_GONE = `new Promise((resolve) => {
  const look = () => (document.querySelector('[data-call]') ? requestAnimationFrame(look) : resolve(Date.now()));
  look();
})`;

interface Scene {
  readonly ticketId: string;
  readonly name: string;
}
type Action = readonly [string, (scene: Scene) => string, (page: Page, scene: Scene) => Promise<unknown>];
const ACTIONS: readonly Action[] = [
  [
    'a reply',
    ({ ticketId }) => `/tickets/${ticketId}`,
    async (page) => {
      await page.getByRole('textbox', { name: 'Ответ' }).fill('Уже едем');
      await page.getByRole('button', { name: 'Отправить' }).click();
    },
  ],
  [
    'a status',
    ({ ticketId }) => `/tickets/${ticketId}`,
    (page) => page.getByLabel('Статус').selectOption({ label: 'В ожидании' }),
  ],
  ['calling back', () => '/missed', (page, { name }) => page.getByRole('button', { name: `Перезвонить: ${name}` }).click()],
  ['taking a missed call', () => '/missed', (page, { name }) => page.getByRole('button', { name: `Взять: ${name}` }).click()],
  [
    'a ticket made by hand',
    () => '/tickets/new',
    async (page) => {
      await page.getByLabel('Тема', { exact: true }).fill('Медленно');
      await page.getByRole('button', { name: 'Создать', exact: true }).click();
    },
  ],
];

describe('it feels instant', () => {
  async function measure([, path, act]: Action): Promise<number> {
    const { pbx, boris } = office.product;
    const name = `Клиент ${newNumber()}`;
    const { id, phone } = await newCustomer(office.product, name);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.giveUp();
    await call.finish();
    const { id: ticketId } = await boris.post<{ id: string }>('/api/tickets', {
      subject: name,
      channel: 'email',
      customerId: id,
    });
    const page = await office.tab(boris, '/missed');
    await page.getByRole('link', { name }).waitFor();
    const scene = { ticketId, name };
    await goTo(page, path(scene));
    await settled(page);
    const goOn = await slowServer(page);
    await page.evaluate(STOPWATCH);
    await act(page, scene);
    const took = await underWayAfter(page);
    goOn();
    await page.unrouteAll({ behavior: 'wait' });
    return took;
  }

  test.each(ACTIONS)('%s shows within 100 ms that it is under way, however slow the server is', async (...action) => {
    const took: number[] = [];
    // The quickest of three: the machine may be busy with something else.
    for (let round = 0; round < 3 && !took.some((ms) => ms < 100); round += 1)
      took.push(await measure(action as unknown as Action));
    expect(Math.min(...took)).toBeLessThan(100);
  });

  test('a page of a long list comes within 100 ms, or says within 100 ms that it is under way', async () => {
    const { database, boris } = office.product;
    await database.db.raw(`insert into tickets (subject, channel, status, closed_at)
      select 'Из длинного списка ' || i, 'email', 'closed', now() from generate_series(1, 250) i`);
    const page = await office.tab(boris, '/tickets?status=closed');
    const next = page.getByRole('link', { name: 'Следующая страница' });
    await next.waitFor();
    const took: number[] = [];
    // The quickest of three: the machine may be busy with something else.
    for (let round = 0; round < 3 && !took.some((ms) => ms < 100); round += 1) {
      let goOn: () => void = () => {};
      const held = new Promise<void>((resolve) => (goOn = resolve));
      await page.route(/\/api\/tickets\?.*page=/, async (route) => {
        await held;
        await route.continue();
      });
      await page.evaluate(PAGE_STOPWATCH);
      await next.click();
      took.push(await underWayAfter(page));
      // The rows are still those of the page before, and the pager says so.
      await page.getByText(`${50 * round + 1}–${50 * (round + 1)} из`).waitFor();
      goOn();
      await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
      await page.getByText(`${50 * (round + 1) + 1}–${50 * (round + 2)} из`).waitFor();
      await page.unrouteAll({ behavior: 'wait' });
    }
    expect(Math.min(...took)).toBeLessThan(100);
  });

  test('the card leaves every tab within a second of the end of the ringing', async () => {
    const { pbx, vera } = office.product;
    const desk = await office.desk(vera);
    const tabs = [await desk.newPage(), await desk.newPage(), await desk.newPage()];
    for (const tab of tabs) await goTo(tab, '/tickets');
    const took: number[] = [];
    // The quickest of three: the machine may be busy with something else.
    for (let round = 0; round < 3 && !took.some((ms) => ms < 1000); round += 1) {
      const call = pbx.incoming({ from: newNumber() });
      await call.ring('0103');
      for (const tab of tabs) await cards(tab).waitFor();
      const gone = tabs.map((tab) => tab.evaluate<number>(CARDS_GONE));
      const ended = Date.now();
      await call.giveUp();
      took.push(Math.max(...(await Promise.all(gone))) - ended);
      await call.finish();
    }
    expect(Math.min(...took)).toBeLessThan(1000);
  });
});

describe('whoever looks elsewhere', () => {
  const RECORDER = `
    window.notified = []; window.takenBack = 0; window.tones = 0;
    window.Notification = class {
      static permission = 'granted';
      static requestPermission() { return Promise.resolve('granted'); }
      constructor(title, options) { window.notified.push([title, options.body]); }
      close() { window.takenBack += 1; }
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...at) { window.tones += 1; return start.apply(this, at); };
    Object.defineProperty(document, 'hidden', { get: () => true });`;

  test('is told by the system and by a ring, if they want, once, and only as long as it rings', async () => {
    const { pbx, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Антон Рубинштейн');
    await anna.request('PATCH', '/api/session', { preferences: { notifications: true, ringSound: true } });
    const page = await (await office.desk(anna)).newPage();
    await page.addInitScript(RECORDER);
    await goTo(page, '/tickets');
    // A browser lets a page sound only after a click in it.
    await page.getByRole('heading', { level: 1 }).click();
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await cards(page).waitFor();
    await expect.poll(() => page.evaluate<number>('window.tones')).toBeGreaterThan(0);
    const notified = await page.evaluate<[string, string][]>('window.notified');
    expect(notified).toHaveLength(1);
    expect(notified[0]!.join(' ')).toMatch(/Входящий звонок.*Антон Рубинштейн/);
    await call.giveUp();
    await call.finish();
    await cards(page).waitFor({ state: 'detached' });
    expect(await page.evaluate<number>('window.takenBack')).toBe(1);
    await anna.request('PATCH', '/api/session', { preferences: { notifications: false, ringSound: false } });
    const quiet = await (await office.desk(anna)).newPage();
    await quiet.addInitScript(RECORDER);
    await goTo(quiet, '/tickets');
    const next = pbx.incoming({ from: phone });
    await next.ring('101');
    await cards(quiet).waitFor();
    expect(await quiet.evaluate<unknown[]>('[window.notified.length, window.tones]')).toEqual([0, 0]);
    await next.giveUp();
    await next.finish();
  });
});
