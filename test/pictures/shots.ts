import type { Page } from 'playwright-core';
import type { Scene } from './scene.ts';

/** A page, or a state of one, that stands still: who looks at it, and what is done before the picture is taken. */
export interface Shot {
  readonly name: string;
  readonly path: string;
  readonly by: 'anna' | 'admin' | 'nobody';
  readonly before?: (page: Page) => Promise<void>;
}

const fail = async (page: Page, path: RegExp): Promise<void> => {
  await page.route(path, (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"storage_unavailable"}' }),
  );
  await page.reload();
};
const press = (name: RegExp) => (page: Page) => page.getByRole('button', { name }).first().click();

const check = async (page: Page): Promise<void> => {
  await press(/^(Проверить|Check)$/)(page);
  await page.locator('[data-check=mapping]').first().waitFor({ state: 'attached' });
};
const openEvent = (page: Page): Promise<void> =>
  page
    .getByRole('list', { name: /^(События|Events)$/ })
    .getByRole('button')
    .first()
    .click();

export const shotsOf = (scene: Scene): readonly Shot[] => [
  { name: 'sign-in', path: '/sign-in', by: 'nobody' },
  {
    name: 'sign-in-wrong',
    path: '/sign-in',
    by: 'nobody',
    before: async (page) => {
      await page.getByLabel('Email').fill('anna@demo.local');
      await page.locator('input[type=password]').fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').first().waitFor();
    },
  },
  { name: 'invitation-expired', path: '/invitation/0123456789012345678901234567890123456789012', by: 'nobody' },
  { name: 'tickets', path: '/tickets', by: 'anna' },
  { name: 'tickets-filtered', path: '/tickets?channel=call&status=open&sort=-createdAt', by: 'anna' },
  { name: 'tickets-none-found', path: '/tickets?q=нетакого', by: 'anna' },
  { name: 'tickets-columns', path: '/tickets', by: 'anna', before: press(/Столбцы|Columns/) },
  { name: 'tickets-failed', path: '/tickets', by: 'anna', before: (page) => fail(page, /\/api\/tickets\?.*pageSize=50/) },
  {
    name: 'tickets-loading',
    path: '/tickets',
    by: 'anna',
    before: async (page) => {
      await page.route(/\/api\/tickets\?.*pageSize=50/, () => undefined);
      await page.reload();
      await page.getByRole('heading', { level: 1 }).waitFor();
    },
  },
  {
    name: 'connection-lost',
    path: '/tickets',
    by: 'anna',
    before: async (page) => {
      await page.evaluate("dispatchEvent(new Event('offline'))");
      await page.getByText(/Связь потеряна|Connection lost/).waitFor();
    },
  },
  { name: 'ticket', path: `/tickets/${scene.ticketId}`, by: 'anna' },
  { name: 'ticket-talk', path: `/tickets/${scene.talkTicketId}`, by: 'anna' },
  {
    name: 'ticket-move',
    path: `/tickets/${scene.talkTicketId}`,
    by: 'anna',
    before: async (page) => {
      await press(/Действия со звонком|Call actions/)(page);
      await page.getByRole('menuitem').first().click();
      await page.getByRole('group', { name: /Куда перенести|Where to move it/ }).waitFor();
    },
  },
  {
    name: 'dial-picker',
    path: `/tickets/${scene.twoNumbersTicketId}`,
    by: 'anna',
    before: press(/выбрать номер|choose a number/i),
  },
  { name: 'ticket-missed', path: `/tickets/${scene.missedTicketId}`, by: 'anna' },
  { name: 'ticket-not-found', path: '/tickets/999999', by: 'anna' },
  { name: 'ticket-new', path: '/tickets/new', by: 'anna' },
  { name: 'ticket-new-errors', path: '/tickets/new', by: 'anna', before: press(/^(Создать|Create)$/) },
  { name: 'missed', path: '/missed', by: 'anna' },
  {
    name: 'missed-chosen',
    path: '/missed',
    by: 'anna',
    before: async (page) => {
      const boxes = page.getByRole('checkbox');
      await boxes.nth(1).click();
      await boxes.nth(2).click();
    },
  },
  { name: 'missed-none', path: '/missed?whose=me&page=1', by: 'admin' },
  { name: 'customers', path: '/customers', by: 'anna' },
  { name: 'customer', path: `/customers/${scene.customerId}`, by: 'anna' },
  { name: 'customer-without-tickets', path: `/customers/${scene.emptyCustomerId}`, by: 'anna' },
  { name: 'customer-edit', path: `/customers/${scene.customerId}?edit=1`, by: 'anna' },
  { name: 'customer-not-found', path: '/customers/00000000-0000-4000-8000-000000000000', by: 'anna' },
  { name: 'customer-new', path: '/customers/new', by: 'anna' },
  { name: 'search-begin', path: '/search', by: 'anna' },
  { name: 'search-customers', path: '/search?q=ова&in=customers', by: 'anna' },
  { name: 'search-tickets', path: '/search?q=звонок&in=tickets', by: 'anna' },
  { name: 'search-nothing', path: '/search?q=нетакого', by: 'anna' },
  { name: 'statistics', path: '/statistics', by: 'admin' },
  { name: 'statistics-peak', path: '/statistics?section=peak', by: 'admin' },
  { name: 'statistics-channels', path: '/statistics?section=channels', by: 'admin' },
  { name: 'statistics-speed', path: '/statistics?section=speed', by: 'admin' },
  { name: 'statistics-sla', path: '/statistics?section=sla', by: 'admin' },
  { name: 'statistics-team', path: '/statistics?section=team', by: 'admin' },
  { name: 'settings-staff', path: '/settings/staff', by: 'admin' },
  { name: 'settings-fields', path: '/settings/fields', by: 'admin' },
  { name: 'settings-integrations', path: '/settings/integrations', by: 'admin' },
  { name: 'settings-integrations-checked', path: '/settings/integrations', by: 'admin', before: check },
  { name: 'settings-general', path: '/settings/general', by: 'admin' },
  { name: 'settings-privacy', path: '/settings/privacy', by: 'admin' },
  { name: 'settings-audit', path: '/settings/audit', by: 'admin' },
  { name: 'settings-inspector', path: '/settings/inspector', by: 'admin' },
  { name: 'settings-inspector-open', path: '/settings/inspector?kind=%2Fevents%2Fsummary', by: 'admin', before: openEvent },
  { name: 'timeline', path: `/calls/${scene.talkCallId}/timeline`, by: 'admin' },
  { name: 'customer-erase', path: `/customers/${scene.customerId}/erase`, by: 'admin' },
  { name: 'settings-staff-add', path: '/settings/staff', by: 'admin', before: press(/Добавить сотрудника|Add an agent/) },
  { name: 'settings-fields-add', path: '/settings/fields', by: 'admin', before: press(/Добавить поле|Add a field/) },
  { name: 'invitation', path: scene.invitationPath, by: 'nobody' },
  // The board's own page; it speaks Russian only.
  {
    name: 'board',
    path: '/admin/workflows/queue/Звонки?status=completed',
    by: 'admin',
    before: (page) => page.getByText('jobData').first().waitFor(),
  },
  { name: 'account', path: '/account', by: 'anna' },
  { name: 'shortcuts', path: '/shortcuts', by: 'anna' },
  { name: 'demo', path: '/demo', by: 'anna' },
  {
    name: 'menu',
    path: '/tickets',
    by: 'anna',
    before: async (page) => {
      const menu = page.getByRole('button', { name: /Открыть меню|Open menu/ });
      if (await menu.isVisible()) await menu.click();
      await press(/Личное меню|Personal menu|Your menu/)(page);
    },
  },
  { name: 'not-found', path: '/no/such/page', by: 'anna' },
  { name: 'not-allowed', path: '/settings/staff', by: 'anna' },
];
