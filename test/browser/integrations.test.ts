import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { cards, newNumber, openOffice, violations, type Look, type Office } from './desk.ts';
import { DEMO_ACCOUNT } from '../support/pbx.ts';

/** Who is in the PBX; it may change. */
const operators = [...DEMO_ACCOUNT.operators];
let office: Office;
beforeAll(async () => {
  // A PBX that is connected here is never the real one.
  office = await openOffice({
    env: { MANGO_API_URL: 'http://127.0.0.1:9' },
    pbx: { account: { ...DEMO_ACCOUNT, operators } },
  });
}, 180_000);
afterEach(async (context) => {
  // The next test call need not wait until this one is old enough.
  await office.product.database.db('test_calls').delete();
  await office.leave(context);
});
afterAll(() => office.close(), 60_000);

const open = (look?: Look): Promise<Page> => office.tab(office.product.admin, '/settings/integrations', look);
const line = (page: Page, check: string) => page.locator(`[data-check=${check}]`);
const state = (page: Page, step: string) => page.locator(`[data-step=${step}]`).getAttribute('data-state');
const reached = (page: Page, step: string, wanted: string) =>
  page.locator(`[data-step=${step}][data-state=${wanted}]`).waitFor({ state: 'visible' });

describe('Settings → «Интеграции»', () => {
  test('the check says what cannot be known yet, then what is wrong and how to mend it, then that all is well', async () => {
    const { pbx, database } = office.product;
    const page = await open();
    await page.getByRole('button', { name: 'Проверить' }).click();
    await line(page, 'events').getByText('Ещё не было ни одного звонка').waitFor();
    await page.getByText('Ошибок нет, но не всё ещё можно проверить').waitFor();
    operators.push({ extension: '107', name: 'Новый сотрудник', email: '', device: 'sip:user107@vpbx400000000.mangosip.ru' });
    await page.getByRole('button', { name: 'Проверить ещё раз' }).click();
    await line(page, 'operators').getByText('+107').waitFor();
    await page.getByRole('button', { name: 'Обновить из АТС' }).click();
    await page.getByText('без сотрудника 1').waitFor();
    await page.getByRole('button', { name: 'Проверить ещё раз' }).click();
    await line(page, 'mapping')
      .getByText(/Без сотрудника операторов: 1/)
      .waitFor();

    pbx.setFaults({ deliveries: [{ badSignature: true }] });
    const lost = pbx.incoming({ from: '+79161234567' });
    await lost.ring('101');
    await lost.giveUp();
    await lost.finish();
    await pbx.settled();
    await page.getByRole('button', { name: 'Проверить ещё раз' }).click();
    await line(page, 'signature').getByText('Ключ в последнем событии верный, а подпись нет').waitFor();
    await line(page, 'signature')
      .getByText(/Ключ для создания подписи в АТС сменили/)
      .waitFor();
    await page.getByText('Подключение не работает').waitFor();
    await page.mouse.move(0, 0);
    expect(await violations(page)).toEqual([]);

    pbx.setFaults({});
    await database.db('operators').where({ extension: '107' }).update({ ignored: true });
    const call = pbx.incoming({ from: '+79161234567' });
    await call.ring('101');
    await call.answer('101');
    await call.hangUp();
    await call.finish();
    await pbx.settled();
    await page.getByRole('button', { name: 'Проверить ещё раз' }).click();
    await page.locator('[data-code=signature_ok]').waitFor({ state: 'attached' });
    await page.locator('[data-code=mapping_ok]').waitFor({ state: 'attached' });
  });

  test('operators are mapped, taken as suggested and ignored, the rest counted; the list follows the PBX and keeps what was chosen', async () => {
    const { pbx, database, vera } = office.product;
    await database.db('operators').where({ extension: '107' }).update({ ignored: false });
    const mobile = { device: 'sip:user105@vpbx400000000.mangosip.ru', otherDevices: ['79161110105'] };
    operators.push(
      { extension: '105', name: 'Телефон Веры', email: 'VERA@demo.local', ...mobile },
      { extension: '106', name: 'Борис  Кузнецов', email: '', device: 'sip:user106@vpbx400000000.mangosip.ru' },
    );
    const page = await open();
    const list = page.getByRole('region', { name: 'Операторы' });
    const row = (extension: string) => list.getByRole('listitem').filter({ has: page.getByText(extension, { exact: true }) });
    const refresh = () => page.getByRole('button', { name: 'Обновить из АТС' }).click();
    await refresh();
    await list.getByText('без сотрудника 3').waitFor();
    await row('105').getByText('Похоже, это Вера Орлова').waitFor();
    await row('106').getByText('Похоже, это Борис Кузнецов').waitFor();
    const devices = row('105').getByRole('list', { name: 'Устройства' }).getByRole('listitem');
    expect(await devices.allInnerTexts()).toEqual(['user105@vpbx400000000.mangosip.ru', '+7 916 111-01-05']);
    await list.getByRole('button', { name: 'Принять предложения (2)' }).waitFor();

    await row('105').getByRole('button', { name: 'Сопоставить' }).click();
    await list.getByText('без сотрудника 2').waitFor();
    await row('106').getByRole('combobox').selectOption({ label: 'Анна Смирнова' });
    await list.getByText('без сотрудника 1').waitFor();
    await row('107').getByRole('combobox').selectOption({ label: 'Игнорировать звонки этого оператора' });
    await list.getByText('Всего 7, сопоставлено 5, игнорируется 2', { exact: true }).waitFor();
    const desk = await office.tab(vera);
    const call = pbx.incoming({ from: newNumber() });
    await call.ring('105');
    await cards(desk).waitFor();
    await call.giveUp();
    await call.finish();

    operators.splice(
      operators.findIndex(({ extension }) => extension === '105'),
      2,
      {
        ...{ extension: '105', name: 'Вера дома', email: '' },
        device: mobile.device,
      },
    );
    await refresh();
    await row('106').getByText('Нет в АТС').waitFor();
    await row('105').getByText('Вера дома', { exact: true }).waitFor();
    expect(await devices.count()).toBe(1);
    await list.getByText('Всего 6, сопоставлено 4, игнорируется 2', { exact: true }).waitFor();
    const chosen = row('105').getByRole('combobox').locator('option:checked');
    expect(await chosen.innerText()).toBe('Вера Орлова');
    operators.pop();
  });

  test('a test call shows each step as it happens, and leads to its ticket', async () => {
    const { pbx } = office.product;
    const page = await open();
    await page.getByLabel('Кому позвонит АТС').selectOption('102');
    await page.getByLabel(/Номер, на который звонить/).fill('8 916 555-44-33');
    await page.getByRole('button', { name: 'Позвонить', exact: true }).click();
    const call = await pbx.nextCallback();
    await reached(page, 'agent_answers', 'waiting');
    await call.operatorAnswers();
    await reached(page, 'customer_answers', 'waiting');
    expect(await state(page, 'ended')).toBe('later');
    await call.customerAnswers();
    await reached(page, 'ended', 'waiting');
    await call.finish();
    await reached(page, 'recording', 'done');
    await page.mouse.move(0, 0);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('link', { name: /^Обращение № \d+$/ }).click();
    await page.getByRole('heading', { level: 1, name: 'Исходящий звонок на +7 916 555-44-33' }).waitFor();
  });

  test('a test call that fails says at which step, and why', async () => {
    const { pbx } = office.product;
    const page = await open({ width: 390, height: 844, dark: true });
    await page.getByLabel(/Номер, на который звонить/).fill('+7 916 555-44-33');
    await page.getByRole('button', { name: 'Позвонить', exact: true }).click();
    const call = await pbx.nextCallback();
    await call.operatorDoesNotAnswer();
    await call.finish();
    await reached(page, 'agent_answers', 'failed');
    await page.getByText(/Оператор не снял трубку\. Трубку не сняли вовремя\. Проверьте/).waitFor();
    await page.mouse.move(0, 0);
    expect(await violations(page)).toEqual([]);
  });

  test('an account is connected, shows its address, reads its operators, and is checked at once', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Добавить интеграцию' }).click();
    await page.getByRole('menuitem', { name: 'Mango Office' }).click();
    await page.getByLabel(/Название/).fill('Вторая АТС');
    await page.getByLabel(/Уникальный код вашей АТС/).fill('key-of-another-account');
    await page.getByLabel(/Ключ для создания подписи/).fill('salt-of-another-account');
    await page.getByRole('button', { name: 'Подключить' }).click();
    const card = page.getByRole('region', { name: 'Вторая АТС' });
    await card.getByLabel(/Адрес внешней системы/).waitFor();
    expect(await card.getByLabel(/Адрес внешней системы/).inputValue()).toBe(`${office.product.url}/mango`);
    await card.getByText('Подключение не работает').waitFor();
    expect(await page.content()).not.toContain('salt-of-another-account');
    await card.getByRole('button', { name: 'Удалить' }).click();
    await card.getByRole('button', { name: 'Удалить интеграцию' }).click();
    await card.waitFor({ state: 'detached' });
  });
});
