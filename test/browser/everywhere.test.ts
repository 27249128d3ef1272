import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cards, goTo, newCustomer, newNumber, openOffice, settled, violations, type Look, type Office } from './desk.ts';

let office: Office;
let paths: Record<string, string>;
beforeAll(async () => {
  office = await openOffice();
  const { anna, pbx } = office.product;
  const { id, phone } = await newCustomer(office.product, 'Михаил Врубель', {
    company: 'Демон',
    note: 'Сирень',
    emails: ['m@example.org'],
  });
  const missed = pbx.incoming({ from: phone });
  await missed.ring('101');
  await missed.giveUp();
  await missed.finish();
  const ticket = await anna.post<{ id: string }>('/api/tickets', {
    ...{ subject: 'Царевна-Лебедь', channel: 'email', customerId: id },
    message: { type: 'reply', body: 'Когда будет готово?', author: 'customer' },
  });
  await anna.post(`/api/tickets/${ticket.id}/messages`, { type: 'note', body: 'Уточнить срок' });
  const { id: callId } = (await office.product.database.db('calls').first('id')) as { id: string };
  paths = {
    ...{
      tickets: '/tickets',
      none: '/tickets?q=нетакого',
      ticket: `/tickets/${ticket.id}`,
      create: '/tickets/new',
      missed: '/missed',
    },
    ...{ customers: '/customers', customer: `/customers/${id}`, edit: `/customers/${id}?edit=1`, person: '/customers/new' },
    ...{ search: '/search?q=врубель&in=customers', statistics: '/statistics', shortcuts: '/shortcuts', unknown: '/no/such/page' },
    ...{
      gone: '/tickets/999999',
      staff: '/settings/staff',
      fields: '/settings/fields',
      integrations: '/settings/integrations',
      general: '/settings/general',
    },
    ...{ privacy: '/settings/privacy', audit: '/settings/audit', inspector: '/settings/inspector', account: '/account' },
    ...{ timeline: `/calls/${callId}/timeline`, over: `/calls/${callId}/ticket`, erase: `/customers/${id}/erase`, demo: '/demo' },
    ...{ foundTickets: '/search?q=лебедь&in=tickets', signIn: '/sign-in', invitation: `/invitation/${'x'.repeat(43)}` },
  };
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

/** What the browser says by itself about an answer that is not there. */
const aboutMissing = (text: string): boolean => text.includes('404 (Not Found)');

const LOOKS: readonly (readonly [string, Look])[] = [
  ['light, wide, Russian', { language: 'ru' }],
  ['dark, wide, English', { dark: true, language: 'en' }],
  ['light, 390 pixels, English', { width: 390, height: 844, language: 'en' }],
  ['dark by hand, 390 pixels, Russian', { width: 390, height: 844, dark: 'by hand', language: 'ru' }],
];

describe('every page, in every look', () => {
  /** Two windows at a time, one for each core; an agent's language is the same in all windows. */
  test.each(['en', 'ru'] as const)(
    'in %s: nothing against WCAG 2.2 AA, nothing to scroll sideways',
    async (language) => {
      const walk = async ([look, options]: (typeof LOOKS)[number]): Promise<void> => {
        const page = await office.tab(office.product.admin, '/tickets', options);
        expect(await page.evaluate('document.documentElement.classList.contains("dark")')).toBe(Boolean(options.dark));
        for (const [name, path] of Object.entries(paths)) {
          await page.goto(path);
          await page.getByRole('main').waitFor();
          await settled(page);
          expect({ look, name, found: await violations(page) }).toEqual({ look, name, found: [] });
          const spill = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
          expect({ look, name, spill }).toEqual({ look, name, spill: 0 });
        }
      };
      await Promise.all(LOOKS.filter(([, options]) => options.language === language).map(walk));
      expect(office.complaints().filter((text) => !aboutMissing(text))).toEqual([]);
    },
    240_000,
  );

  test('nothing against WCAG 2.2 AA while calls ring and people talk, in all looks at once', async () => {
    const { pbx, boris } = office.product;
    const pages: Page[] = [];
    for (const [, look] of LOOKS) pages.push(await office.tab(boris, '/tickets', look));
    const everywhere = async (state: string, step: (page: Page) => Promise<unknown>): Promise<void> => {
      for (const [index, page] of pages.entries()) {
        const name = `${state}: ${LOOKS[index]![0]}`;
        await step(page);
        expect({ name, found: await violations(page) }).toEqual({ name, found: [] });
      }
    };
    const { phone } = await newCustomer(office.product, 'Валентин Серов');
    const known = pbx.incoming({ from: phone });
    const unknown = pbx.incoming({ from: newNumber() });
    const shared = pbx.incoming({ from: '+78123334455' });
    for (const call of [known, unknown, shared]) await call.ring('102');
    await everywhere('three ring', (page) => cards(page).nth(2).waitFor());
    await shared.giveUp();
    await unknown.answer('102');
    const find = /Найти пользователя|Find the customer/;
    await everywhere('somebody unknown talks', (page) => cards(page).getByRole('link', { name: find }).waitFor());
    await unknown.hangUp();
    await known.answer('102');
    await everywhere('somebody known talks', (page) => page.getByRole('heading', { level: 1, name: 'Валентин Серов' }).waitFor());
    await everywhere('the form', async (page) => {
      const create = page.getByRole('main').getByRole('button', { name: /Создать обращение|Create a ticket/ });
      await create.click();
      await page.getByLabel(/Суть звонка|What the call was about/).waitFor();
    });
    await known.hangUp();
    for (const call of [known, unknown, shared]) await call.finish();
    await everywhere('after the talk', async (page) => {
      await page.waitForURL(/\/tickets\/\d+/);
      await page.getByLabel(/Суть звонка|What the call was about/).waitFor();
    });
    await boris.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
  }, 120_000);

  test('open menus: nothing against WCAG 2.2 AA', async () => {
    const page = await office.tab(office.product.admin);
    await page.getByRole('button', { name: 'Столбцы' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Телефон' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /Личное меню/ }).click();
    await page.getByRole('menuitem', { name: 'Выйти' }).waitFor();
    expect(await violations(page)).toEqual([]);
  });
});

describe('the keyboard alone', () => {
  test('a call takes no focus, is said once, is reached by Alt+A also while typing, and let go again', async () => {
    const { pbx, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Константин Коровин');
    const page = await office.tab(boris, '/tickets/new');
    const body = page.getByLabel('Сообщение пользователя');
    await body.click();
    await page.keyboard.type('Пишу');
    const call = pbx.incoming({ from: phone });
    await call.ring('102');
    await cards(page).waitFor();
    await page
      .getByRole('alert')
      .getByText(/^Входящий звонок\. Константин Коровин, \+7/)
      .waitFor({ state: 'attached' });
    await page.keyboard.type(' дальше');
    expect(await body.inputValue()).toBe('Пишу дальше');
    // The key's place counts, not its letter: a Russian layout sends «ф».
    await page.keyboard.press('Alt+KeyA');
    const name = await page.evaluate<string>('document.activeElement.getAttribute("aria-label")');
    expect(name).toContain('Константин Коровин');
    await page.keyboard.press('Alt+KeyA');
    await page.keyboard.type('.');
    expect(await body.inputValue()).toBe('Пишу дальше.');
    await call.giveUp();
    await call.finish();
  });

  test('from the list into a ticket, a note, and back, with letters for the sections', async () => {
    const page = await office.tab(office.product.vera);
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await page.getByRole('heading', { level: 1, name: 'Пропущенные' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('heading', { level: 1, name: 'Обращения' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('Лебедь');
    await page.keyboard.press('Enter');
    const link = page.getByRole('link', { name: 'Царевна-Лебедь' });
    await link.waitFor();
    await page.waitForURL(/q=/);
    await link.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Царевна-Лебедь' }).waitFor();
    expect(await page.evaluate<string>('document.activeElement.tagName')).toBe('H1');
    await page.getByRole('textbox', { name: 'Ответ' }).focus();
    await page.keyboard.type('Готово завтра');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('list', { name: 'Переписка' }).getByText('Готово завтра').waitFor();
    // What is chosen or taken there is saved, and the focus still there.
    await page.getByRole('button', { name: 'Взять себе' }).press('Enter');
    const chosenThere = 'document.activeElement.selectedOptions?.[0].text';
    await expect.poll(() => page.evaluate<string>(chosenThere)).toBe('Вера Орлова');
    await page.getByLabel('Статус').focus();
    const saved = page.waitForResponse((response) => response.request().method() === 'PATCH');
    await page.keyboard.press('ArrowDown');
    await saved;
    const focus = "document.activeElement.matches('select:enabled') && document.activeElement.value";
    await expect.poll(() => page.evaluate<string | false>(focus)).toBe('pending');
    // Back in the list as it was left, and then filter by filter back to where it was whole.
    await page.getByRole('main').getByRole('link', { name: 'Обращения' }).press('Enter');
    await page.getByRole('link', { name: 'Царевна-Лебедь' }).waitFor();
    await page.getByLabel('Канал').selectOption({ label: 'Звонки' });
    await page.waitForURL(/channel=call/);
    await page.goBack();
    await page.waitForURL((url) => url.searchParams.get('q') === 'Лебедь' && !url.searchParams.has('channel'));
    expect(await page.getByLabel('Канал').inputValue()).toBe('any');
    await page.getByRole('link', { name: 'Открытые' }).press('Enter');
    await page.waitForURL(/status=open/);
    await page.goBack();
    await page.waitForURL((url) => !url.searchParams.has('status'));
  });

  test('whoever dictates switches the letters off', async () => {
    const page = await office.tab(office.product.boris, '/shortcuts');
    await page.getByRole('switch', { name: 'Буквенные клавиши' }).click();
    await page.keyboard.press('n');
    await page.keyboard.press('?');
    expect(new URL(page.url()).pathname).toBe('/shortcuts');
    await page.getByRole('switch', { name: 'Буквенные клавиши' }).click();
  });
});

describe('coming in', () => {
  test('an address leads there after signing in; a wrong password is said; signing out leaves nothing', async () => {
    const page = await (await office.desk(null)).newPage();
    await page.goto('/missed?whose=me');
    await page.getByLabel('Email').fill('vera@demo.local');
    await page.getByLabel('Пароль').fill('не тот');
    await page.getByRole('button', { name: 'Войти' }).click();
    await page.getByText('Неверный email или пароль.').waitFor();
    expect(office.complaints().join()).toContain('401');
    await page.getByLabel('Пароль').fill('correct horse battery');
    await page.getByRole('button', { name: 'Войти' }).click();
    await page.waitForURL(/\/missed\?whose=me/);
    await expect.poll(() => page.evaluate<string>('document.activeElement.textContent')).toBe('Пропущенные');
    await page.getByRole('button', { name: /Личное меню/ }).click();
    await page.getByRole('menuitem', { name: 'Выйти' }).click();
    await page.getByRole('heading', { level: 1, name: 'Вход' }).waitFor();
    await page.goto('/tickets');
    await page.getByRole('heading', { level: 1, name: 'Вход' }).waitFor();
  });

  test('whoever signs in after another in the same tab does not find what that one searched for', async () => {
    const page = await office.tab(office.product.vera, '/tickets?q=Лебедь');
    await page.getByRole('link', { name: 'Царевна-Лебедь' }).click();
    const back = page.getByRole('main').getByRole('link', { name: 'Обращения' });
    await back.waitFor();
    expect(await back.getAttribute('href')).toMatch(/q=/);
    await page.context().clearCookies();
    await page.evaluate("dispatchEvent(new Event('online'))");
    await page.getByLabel('Email').fill('anna@demo.local');
    expect(office.complaints().join()).toContain('401');
    await page.getByLabel('Пароль').fill('correct horse battery');
    await page.getByRole('button', { name: 'Войти' }).click();
    await page.getByRole('heading', { level: 1, name: 'Царевна-Лебедь' }).waitFor();
    expect(await back.getAttribute('href')).toBe('/tickets');
  });

  test('an invited agent chooses a password and begins', async () => {
    const { admin } = office.product;
    const page = await office.tab(admin, '/settings/staff');
    await page.getByRole('button', { name: 'Добавить сотрудника' }).click();
    await page.getByLabel('Полное имя').fill('Новый Сотрудник');
    await page.getByLabel('Email').fill('new@demo.local');
    await page.getByRole('button', { name: 'Пригласить' }).click();
    const link = await page.getByLabel('Отправьте ссылку сотруднику Новый Сотрудник. Она действует один раз.').inputValue();
    const guest = await (await office.desk(null)).newPage();
    await guest.goto(new URL(link).pathname);
    await guest.getByLabel('Пароль').fill('длинный и новый пароль');
    await guest.getByRole('button', { name: 'Начать работу' }).click();
    await guest.getByRole('heading', { level: 1, name: 'Обращения' }).waitFor();
    await guest.getByRole('button', { name: /^Новый Сотрудник/ }).waitFor();
    expect(await guest.getByRole('link', { name: 'Настройки' }).count()).toBe(0);
    await goTo(guest, '/settings/staff');
    await guest.getByRole('heading', { level: 1, name: 'Такой страницы нет' }).waitFor();
  });

  test('English on a switch, everywhere, and after the next start', async () => {
    const page = await office.tab(office.product.vera);
    await page.getByRole('button', { name: /Личное меню/ }).click();
    await page.getByRole('menuitem', { name: 'Язык' }).hover();
    const kept = page.waitForResponse((response) => response.request().method() === 'PATCH');
    await page.getByRole('menuitemcheckbox', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: 'Tickets' }).waitFor();
    await kept;
    const elsewhere = await office.tab(office.product.vera, '/missed');
    await elsewhere.getByRole('heading', { level: 1, name: 'Missed' }).waitFor();
    expect(await elsewhere.evaluate<string>('document.documentElement.lang')).toBe('en');
    await office.product.vera.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
  });
});

test('what the browser finds missing in a form is said in the interface’s language', async () => {
  const { vera } = office.product;
  const said = (page: Page): Promise<string> =>
    page.getByLabel(/^(Тема|Subject)/).evaluate((field) => (field as unknown as { validationMessage: string }).validationMessage);
  const russian = await office.tab(vera, '/tickets/new', { language: 'ru' });
  await russian.getByRole('button', { name: 'Создать', exact: true }).click();
  expect(await said(russian)).toBe('Заполните это поле.');
  await russian.getByLabel(/^Тема/).fill('Есть');
  expect(await said(russian)).toBe('');
  const english = await office.tab(vera, '/tickets/new', { language: 'en' });
  await english.getByRole('button', { name: 'Create', exact: true }).click();
  expect(await said(english)).toBe('Fill in this field.');
  await vera.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
});

test('the ticket list loads with less than 300 kB of compressed script and style, in few requests', async () => {
  const page = await (await office.desk(office.product.anna)).newPage();
  const loaded: Promise<number>[] = [];
  page.on('response', (response) => {
    if (/\.(js|css)$/.test(new URL(response.url()).pathname)) loaded.push(response.body().then((body) => gzipSync(body).length));
  });
  await goTo(page, '/tickets');
  await settled(page);
  const sizes = await Promise.all(loaded);
  const together = sizes.reduce((sum, size) => sum + size, 0);
  console.log(
    `The ticket list's first load: ${Math.round(together / 1000)} kB of script and style in ${sizes.length} files, compressed`,
  );
  expect(together).toBeLessThan(300_000);
  // The theme, what every page needs, what several share, the page itself, the style.
  expect(sizes.length).toBeLessThanOrEqual(6);
});
