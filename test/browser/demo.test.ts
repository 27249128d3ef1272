import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cards, goTo, openOffice, violations, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach(async (context) => {
  // A call that a failed try left behind is none of the next one's.
  for (const call of [...office.product.pbx.calls.values()]) await call.finish();
  await office.leave(context);
});
afterAll(() => office.close(), 60_000);

const phone = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const customer = (page: Page) => phone(page, 'Телефон клиента');
const press = (page: Page, name: string, button: string) =>
  phone(page, name).getByRole('button', { name: button, exact: true }).click();
const shows = (page: Page, name: string, state: string) => phone(page, name).getByRole('status').getByText(state).waitFor();
const choose = (page: Page, label: string, option: string) => customer(page).getByLabel(label).selectOption({ label: option });

describe('a newcomer', () => {
  test('is led from the sign-in to the first call: by the page itself, without a hint from outside', async () => {
    const page = await (await office.desk(null)).newPage();
    await page.goto('/');
    await page.getByText('Нет пароля?').click();
    await page.getByText('data/first-admin.txt').waitFor();
    await page.getByLabel('Email').fill('admin@demo.local');
    await page.getByLabel('Пароль', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Войти' }).click();
    await page.getByText('Обращений пока нет').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('link', { name: 'Сделать демо-звонок' }).click();
    await page.getByRole('heading', { level: 1, name: 'Демо-телефоны' }).waitFor();
    await customer(page).getByRole('button', { name: 'Позвонить', exact: true }).waitFor();
    await goTo(page, '/missed');
    await page.getByRole('link', { name: 'Сделать демо-звонок' }).waitFor();
  });
});

describe('the demo phones', () => {
  test('an agent plays them in a second tab: a card, a talk, a ticket with the recording in the first', async () => {
    const desk = await office.desk(office.product.anna);
    const [agent, page] = [await desk.newPage(), await desk.newPage()];
    await goTo(agent, '/tickets');
    await goTo(page, '/demo');
    await page.bringToFront();
    await page.evaluate('window.dispatchEvent(new Event("focus"))');
    await phone(page, 'Анна Смирнова').getByText('Вы · Софтфон 101').waitFor();
    await page.getByText('Вы — Анна Смирнова, ваш софтфон 101.').waitFor();
    await press(page, 'Телефон клиента', 'Позвонить');
    await cards(agent).getByText('Иван Петров').waitFor();
    await shows(page, 'Анна Смирнова', 'Звонит');
    await press(page, 'Анна Смирнова', 'Ответить');
    await agent.getByRole('heading', { level: 1, name: 'Иван Петров' }).waitFor();
    await shows(page, 'Анна Смирнова', 'Разговор');
    await agent.getByRole('link', { name: 'Демо-телефоны идёт звонок' }).waitFor();
    await agent.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await agent.getByLabel('Суть звонка').fill('Не пришёл счёт');
    await agent.getByRole('button', { name: 'Создать', exact: true }).click();
    await agent.getByText('Звонок в процессе').waitFor();
    await press(page, 'Анна Смирнова', 'Удержать');
    await shows(page, 'Телефон клиента', 'На удержании');
    await press(page, 'Анна Смирнова', 'Снять с удержания');
    await shows(page, 'Телефон клиента', 'Разговор');
    await phone(page, 'Что АТС сообщила Трубке').getByText('Иван').or(page.getByText('принято')).first().waitFor();
    await press(page, 'Телефон клиента', 'Положить трубку');
    await phone(page, 'Анна Смирнова').getByText('Трубка лежит').waitFor();
    await agent.getByRole('group', { name: 'Запись разговора' }).getByRole('button', { name: 'Слушать' }).click();
    await agent.getByRole('button', { name: 'Пауза' }).waitFor();
    await page.getByRole('link', { name: 'К обращениям' }).click();
    await page.getByRole('link', { name: 'Входящий звонок с +7 916 123-45-67' }).waitFor();
  });

  test('a talk is handed over with a question first, and blindly, and comes back', async () => {
    const agent = await office.tab(office.product.boris);
    const own = await office.tab(office.product.anna, '/demo');
    // Anna is led to the profile by every talk that has no ticket yet, so that somebody else has to play from here on.
    const page = await office.tab(office.product.admin, '/demo');
    await choose(page, 'Кто звонит', '+7 903 111-22-33 · Ольга Сергеева');
    await press(page, 'Телефон клиента', 'Позвонить');
    await press(page, 'Анна Смирнова', 'Ответить');
    await own.getByRole('heading', { level: 1, name: 'Ольга Сергеева' }).waitFor();
    await press(page, 'Анна Смирнова', 'Перевести');
    await press(page, 'Анна Смирнова', 'С консультацией');
    await shows(page, 'Анна Смирнова', 'Вызывает коллегу');
    await shows(page, 'Телефон клиента', 'На удержании');
    await cards(agent).getByText('Ольга Сергеева').waitFor();
    await press(page, 'Борис Кузнецов', 'Ответить');
    await shows(page, 'Борис Кузнецов', 'Консультирует');
    await press(page, 'Анна Смирнова', 'Вернуться');
    await cards(agent).waitFor({ state: 'detached' });
    await shows(page, 'Анна Смирнова', 'Разговор');
    await press(page, 'Анна Смирнова', 'Перевести');
    await press(page, 'Анна Смирнова', 'Сразу');
    await shows(page, 'Борис Кузнецов', 'Звонит');
    await press(page, 'Борис Кузнецов', 'Вернуть');
    await shows(page, 'Анна Смирнова', 'Звонит');
    await press(page, 'Анна Смирнова', 'Ответить');
    await shows(page, 'Анна Смирнова', 'Разговор');
    await press(page, 'Анна Смирнова', 'Перевести');
    await press(page, 'Анна Смирнова', 'Сразу');
    await press(page, 'Борис Кузнецов', 'Ответить');
    await agent.getByRole('heading', { level: 1, name: 'Ольга Сергеева' }).waitFor();
    await press(page, 'Борис Кузнецов', 'Положить трубку');
    await phone(page, 'Борис Кузнецов').getByText('Трубка лежит').waitFor();
  });

  test('a whole group rings and nobody answers: one missed call; the menu alone makes none', async () => {
    const page = await office.tab(office.product.admin, '/demo');
    await choose(page, 'Кто звонит', 'Свой номер…');
    await customer(page).getByLabel('Номер', { exact: true }).fill('8 926 555-44-33');
    await choose(page, 'Куда', 'Только голосовое меню');
    await press(page, 'Телефон клиента', 'Позвонить');
    await shows(page, 'Телефон клиента', 'Слушает меню');
    await press(page, 'Телефон клиента', 'Положить трубку');
    await choose(page, 'Куда', 'Группа «Поддержка» — звонят все');
    await press(page, 'Телефон клиента', 'Позвонить');
    for (const name of ['Анна Смирнова', 'Борис Кузнецов', 'Вера Орлова']) await shows(page, name, 'Звонит');
    await press(page, 'Вера Орлова', 'Не отвечать');
    await phone(page, 'Вера Орлова').getByText('Трубка лежит').waitFor();
    await press(page, 'Телефон клиента', 'Положить трубку');
    await page.goto('/missed');
    const row = page.getByRole('list', { name: 'Пропущенные' }).getByRole('listitem').filter({ hasText: '+7 926 555-44-33' });
    await row.waitFor();
    const { items } = await office.product.admin.get<{ items: unknown[] }>('/api/tickets?q=9265554433');
    expect(items).toHaveLength(1);
  });

  test('an agent dials from the softphone, and answers a call ordered from a ticket by hand', async () => {
    const { vera, admin } = office.product;
    const agent = await office.tab(vera);
    const page = await office.tab(admin, '/demo');
    await phone(page, 'Вера Орлова').getByLabel('Кому позвонить').selectOption({ label: 'John Smith' });
    await press(page, 'Вера Орлова', 'Набрать: Вера Орлова');
    await shows(page, 'Телефон клиента', 'Звонит');
    await press(page, 'Телефон клиента', 'Ответить');
    await cards(agent).waitFor();
    await press(page, 'Вера Орлова', 'Положить трубку');
    await phone(page, 'Вера Орлова').getByText('Трубка лежит').waitFor();
    const { id } = await vera.post<{ id: string }>('/api/tickets', {
      ...{ subject: 'Перезвонить', channel: 'email' },
      customerId: (await vera.get<{ items: { id: string }[] }>('/api/customers?q=Волков')).items[0]?.id,
    });
    await vera.post(`/api/tickets/${id}/callback`);
    await press(page, 'Вера Орлова', 'Ответить');
    await press(page, 'Телефон клиента', 'Ответить');
    await shows(page, 'Вера Орлова', 'Разговор');
    await press(page, 'Телефон клиента', 'Положить трубку');
    await phone(page, 'Вера Орлова').getByText('Трубка лежит').waitFor();
  });

  test('an admin lets the PBX refuse callbacks: the agent reads why the call did not come about', async () => {
    const page = await office.tab(office.product.admin, '/demo');
    const refuse = page.getByRole('switch', { name: 'Отказывать в звонке из обращения' });
    await refuse.click();
    await page.getByText('АТС сообщит об исчерпанном лимите').waitFor();
    const agent = await office.tab(office.product.boris);
    const { items } = await office.product.admin.get<{ items: { id: string }[] }>('/api/customers?q=Smith');
    const { id } = await office.product.admin.post<{ id: string }>('/api/tickets', {
      ...{ subject: 'Call John', channel: 'email', customerId: items[0]?.id },
    });
    await goTo(agent, `/tickets/${id}`);
    await agent.getByRole('button', { name: 'Позвонить на +44 20 7946 0123' }).click();
    await agent.getByRole('alert').getByText('Исчерпан лимит АТС. Повторите позже или обратитесь к администратору.').waitFor();
    await refuse.click();
    await page.getByRole('switch', { name: 'Отказывать в звонке из обращения', checked: false }).waitFor();
  });

  test('an admin lets the PBX repeat events, confuse their order and come late: one talk is one ticket all the same', async () => {
    const { admin } = office.product;
    const page = await office.tab(admin, '/demo');
    const faults = ['Повторять события', 'Путать порядок событий', 'Задерживать события на 5 секунд'];
    for (const name of faults) {
      await page.getByRole('switch', { name }).click();
      await page.getByRole('switch', { name, checked: true }).waitFor();
    }
    await choose(page, 'Кто звонит', 'Свой номер…');
    await customer(page).getByLabel('Номер', { exact: true }).fill('8 926 555-66-77');
    await choose(page, 'Куда', 'Вера Орлова · 0103');
    await press(page, 'Телефон клиента', 'Позвонить');
    await press(page, 'Вера Орлова', 'Ответить');
    await press(page, 'Вера Орлова', 'Положить трубку');
    for (const name of faults) await page.getByRole('switch', { name }).click();
    await goTo(page, '/tickets?q=9265556677');
    await page.getByRole('link', { name: 'Входящий звонок с +7 926 555-66-77' }).click();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    const { items } = await admin.get<{ items: unknown[] }>('/api/tickets?q=9265556677');
    expect(items).toHaveLength(1);
  });

  test('an admin lets the PBX not record: the message says so; an agent cannot', async () => {
    const page = await office.tab(office.product.admin, '/demo');
    await page.getByRole('switch', { name: 'Не записывать разговоры' }).click();
    await page.getByRole('switch', { name: 'Не записывать разговоры', checked: true }).waitFor();
    await choose(page, 'Кто звонит', '+7 926 555-01-99 · нет в базе');
    await press(page, 'Телефон клиента', 'Позвонить');
    await press(page, 'Анна Смирнова', 'Ответить');
    await press(page, 'Анна Смирнова', 'Положить трубку');
    await page.goto('/tickets?q=9265550199');
    await page.getByRole('link', { name: 'Входящий звонок с +7 926 555-01-99' }).click();
    await page.getByText('Разговор не записывался').waitFor();
    await goTo(page, '/demo');
    await page.getByRole('switch', { name: 'Не записывать разговоры' }).click();
    await page.getByRole('switch', { name: 'Не записывать разговоры', checked: false }).waitFor();
    const agent = await office.tab(office.product.boris, '/demo');
    await agent.getByText('Включать помехи может администратор.').waitFor();
    expect(await agent.getByRole('switch', { name: 'Терять треть событий' }).isDisabled()).toBe(true);
  });

  test.each([
    ['light, wide', { language: 'ru' as const }],
    ['dark, 390 pixels, English', { language: 'en' as const, dark: true, width: 390, height: 844 }],
  ])('%s: nothing against WCAG 2.2 AA while phones ring and talk', async (_name, look) => {
    const page = await office.tab(office.product.admin, '/demo', look);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: /^(Позвонить|Call)$/ }).click();
    await page.getByRole('button', { name: /^(Ответить|Answer)$/ }).click();
    await page.getByRole('button', { name: /^(Перевести|Transfer)$/ }).click();
    await page.getByRole('button', { name: /^(С консультацией|Ask first)$/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    await page
      .getByRole('button', { name: /^(Положить трубку|Hang up)$/ })
      .first()
      .click();
    await office.product.admin.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
  });

  test('the phones are there as long as the demo PBX is connected', async () => {
    const page = await office.tab(office.product.admin, '/settings/integrations');
    const link = page.getByRole('link', { name: 'Демо-телефоны' });
    await link.waitFor();
    await page.getByRole('button', { name: 'Удалить', exact: true }).click();
    await page.getByRole('button', { name: 'Удалить интеграцию' }).click();
    await link.waitFor({ state: 'detached' });
    await goTo(page, '/demo');
    await page.getByText('Демонстрационная АТС не подключена').waitFor();
    await goTo(page, '/tickets');
    await page.getByRole('link', { name: 'Входящий звонок с +7 926 555-66-77' }).waitFor();
  });
});
