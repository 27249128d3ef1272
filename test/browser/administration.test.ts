import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cards, newCustomer, openOffice, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

describe('administration', () => {
  test('«Сотрудники»: a deactivated agent cannot sign in any more; their tickets keep their name', async () => {
    const { admin, database, signIn } = office.product;
    await database.db('agents').where({ email: 'vera@demo.local' }).select('id');
    const vera = await signIn('vera@demo.local');
    const { id } = await vera.post<{ id: string }>('/api/tickets', {
      ...{ subject: 'Веры Орловой', channel: 'email', assigneeId: vera.agentId },
    });
    const page = await office.tab(admin, '/settings/staff');
    const row = page.getByRole('listitem').filter({ hasText: 'vera@demo.local' });
    await row.getByRole('button', { name: 'Вера Орлова: действия' }).click();
    await page.getByRole('menuitem', { name: 'Отключить' }).click();
    await row.getByText('Отключён').waitFor();
    await expect(signIn('vera@demo.local')).rejects.toThrow('401');
    await page.goto(`/tickets/${id}`);
    await page.getByRole('heading', { level: 1, name: 'Веры Орловой' }).waitFor();
    const ticket = await admin.get<{ assignee: { fullName: string } }>(`/api/tickets/${id}`);
    expect(ticket.assignee.fullName).toBe('Вера Орлова');
    await page.goto('/settings/staff');
    await row.getByRole('button', { name: 'Вера Орлова: действия' }).click();
    await page.getByRole('menuitem', { name: 'Включить' }).click();
    await row.getByText('Работает').waitFor();
  });

  test('«Сотрудники»: somebody invited comes in by the link, once, and is what the role says', async () => {
    const { admin } = office.product;
    const page = await office.tab(admin, '/settings/staff');
    await page.getByRole('button', { name: 'Добавить сотрудника' }).click();
    await page.getByLabel('Полное имя').fill('Глеб Новиков');
    await page.getByLabel('Email', { exact: false }).first().fill('gleb@demo.local');
    await page.getByRole('button', { name: 'Пригласить' }).click();
    const link = await page.getByLabel(/Отправьте ссылку сотруднику Глеб Новиков/).inputValue();
    const row = page.getByRole('listitem').filter({ hasText: 'gleb@demo.local' });
    await row.getByText('Приглашён').waitFor();
    const own = await (await office.desk(null)).newPage();
    await own.goto(new URL(link).pathname);
    await own.getByText('Глеб Новиков, придумайте пароль').waitFor();
    await own.locator('input[type=password]').fill('a lighthouse by the sea');
    await own.getByRole('button', { name: 'Начать работу' }).click();
    await own.getByRole('heading', { level: 1, name: 'Обращения' }).waitFor();
    expect(await own.getByRole('link', { name: 'Настройки' }).count()).toBe(0);
    await page.reload();
    await row.getByText('Работает').waitFor();
    await row.getByLabel('Роль: Глеб Новиков').selectOption({ label: 'Администратор' });
    await expect
      .poll(async () => (await admin.get<{ items: { email: string; role: string }[] }>('/api/agents')).items)
      .toContainEqual(expect.objectContaining({ email: 'gleb@demo.local', role: 'admin' }));
    await own.reload();
    await own.getByRole('link', { name: 'Настройки' }).waitFor();
    const late = await (await office.desk(null)).newPage();
    await late.goto(new URL(link).pathname);
    await late.getByRole('alert').waitFor();
    for (const complaint of office.complaints()) expect(complaint).toMatch(/40[14]|410/);
  });

  test('«Поля данных»: what is flagged «Входящий звонок» stands on the card, what is not does not', async () => {
    const { admin, anna, pbx } = office.product;
    const field = await admin.post<{ id: string; key: string }>('/api/fields', {
      label: 'Договор',
      type: 'text',
      showOnCall: false,
    });
    const customer = await newCustomer(office.product, 'Осип Мандельштам', { customFields: { [field.key]: 'Д-118' } });
    const page = await office.tab(admin, '/settings/fields');
    const desk = await office.tab(anna);
    const ring = async () => {
      const call = pbx.incoming({ from: customer.phone });
      await call.ring('101');
      await cards(desk).getByText('Осип Мандельштам').first().waitFor();
      return call;
    };
    const end = async (call: Awaited<ReturnType<typeof ring>>) => {
      await call.giveUp();
      await call.finish();
      await cards(desk).first().waitFor({ state: 'detached' });
    };
    const before = await ring();
    expect(await cards(desk).getByText('Д-118').count()).toBe(0);
    await end(before);
    await page.getByRole('switch', { name: 'Входящий звонок: Договор' }).click();
    await expect
      .poll(async () => (await admin.get<{ items: { key: string; showOnCall: boolean }[] }>('/api/fields')).items)
      .toContainEqual(expect.objectContaining({ key: field.key, showOnCall: true }));
    await desk.reload();
    const after = await ring();
    await cards(desk).getByText('Д-118').waitFor();
    await end(after);
    await admin.request('DELETE', `/api/fields/${field.id}`);
  });

  test('«Поля данных»: a list of choices is added, its choices changed, put first, and stands on the customer’s form', async () => {
    const { admin } = office.product;
    const page = await office.tab(admin, '/settings/fields');
    await page.getByRole('button', { name: 'Добавить поле' }).click();
    await page.getByLabel('Название', { exact: true }).fill('Тариф');
    await page.getByLabel('Тип').selectOption({ label: 'Список' });
    await page.getByLabel('Варианты, по одному в строке').fill('Малый\nБольшой');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByRole('button', { name: 'Варианты поля «Тариф»' }).click();
    await page.getByLabel('Варианты, по одному в строке').fill('Малый\nСредний\nБольшой');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    for (let step = 0; step < 5; step++) {
      await page.getByRole('button', { name: 'Выше: Тариф' }).click();
      await expect
        .poll(async () =>
          (await admin.get<{ items: { label: string }[] }>('/api/fields')).items.findIndex((f) => f.label === 'Тариф'),
        )
        .toBe(4 - step);
    }
    await expect.poll(() => page.getByRole('button', { name: 'Выше: Тариф' }).isDisabled()).toBe(true);
    const { id } = await newCustomer(office.product, 'Сергей Есенин');
    await page.goto(`/customers/${id}?edit=1`);
    await page.getByLabel('Тариф').selectOption({ label: 'Средний' });
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByRole('complementary', { name: 'Данные пользователя' }).getByText('Средний').waitFor();
  });

  test('«Поля данных»: text of several lines, number, date, checkbox and link are added, filled in, refused when wrong, and shown', async () => {
    const { admin } = office.product;
    const page = await office.tab(admin, '/settings/fields');
    const types = [
      ['Адрес доставки', 'Текст'],
      ['Скидка', 'Число'],
      ['Договор от', 'Дата'],
      ['Постоянный', 'Флажок'],
      ['Сайт', 'Ссылка'],
    ] as const;
    for (const [label, type] of types) {
      await page.getByRole('button', { name: 'Добавить поле' }).click();
      await page.getByLabel('Название', { exact: true }).fill(label);
      await page.getByLabel('Тип').selectOption({ label: type });
      await page.getByRole('button', { name: 'Сохранить' }).click();
      await page.getByRole('switch', { name: `Входящий звонок: ${label}` }).waitFor();
    }
    const { id } = await newCustomer(office.product, 'Марина Цветаева');
    await page.goto(`/customers/${id}?edit=1`);
    await page.getByLabel('Адрес доставки').fill('Таруса\nнабережная');
    await page.getByLabel('Скидка').fill('12.5');
    await page.getByLabel('Договор от').fill('2026-02-28');
    await page.getByLabel('Постоянный').check();
    await page.getByLabel('Сайт').fill('ftp://example.org');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Проверьте это поле.').waitFor();
    expect(office.complaints()).toEqual([expect.stringContaining('400')]);
    await page.getByLabel('Сайт').fill('https://example.org/a');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    const shown = page.getByRole('complementary', { name: 'Данные пользователя' });
    for (const text of ['набережная', '12,5', '28 февраля 2026', 'Да']) await shown.getByText(text).first().waitFor();
    expect(await shown.getByRole('link', { name: 'https://example.org/a' }).getAttribute('rel')).toContain('noopener');
    const { items } = await admin.get<{ items: { id: string; builtIn: boolean }[] }>('/api/fields');
    for (const field of items) if (!field.builtIn) await admin.request('DELETE', `/api/fields/${field.id}`);
  });

  test('«Общие»: the country and the time zone are chosen by name; SLA targets are kept', async () => {
    const { admin } = office.product;
    const page = await office.tab(admin, '/settings/general');
    await page.getByLabel('Страна номеров').selectOption({ label: 'Казахстан' });
    await page.getByLabel('Часовой пояс').selectOption('Asia/Almaty');
    await page.getByRole('button', { name: 'Сохранить' }).first().click();
    await page.getByText('Настройки сохранены').waitFor();
    expect(await admin.get('/api/settings')).toMatchObject({ phoneCountry: 'KZ', timezone: 'Asia/Almaty' });
    await page.getByLabel('Чат: Первый ответ').fill('3');
    await page.getByRole('button', { name: 'Сохранить' }).last().click();
    await page.getByText('Настройки сохранены').nth(1).waitFor();
    const { items } = await admin.get<{ items: { channel: string; firstReplySeconds: number }[] }>('/api/sla-targets');
    expect(items.find(({ channel }) => channel === 'chat')?.firstReplySeconds).toBe(180);
    // On a phone a target can be read to its last digit.
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByLabel('Почта: Закрытие').fill('10080');
    const overflow =
      "[...document.querySelectorAll('table input')].filter((field) => field.scrollWidth > field.clientWidth).length";
    expect(await page.evaluate(overflow)).toBe(0);
    await admin.request('PATCH', '/api/settings', { phoneCountry: 'RU', timezone: 'Europe/Moscow' });
  });

  test('«Хранение данных»: what would go is seen before the term is saved', async () => {
    const { admin, database } = office.product;
    await database.db('inbox').insert({
      ...{ source: 'pbx', key: 'very-old', body: '{}', verdict: 'kept' },
      ...{ received_at: new Date(Date.now() - 20 * 86_400_000), delivered_at: new Date() },
    });
    const page = await office.tab(admin, '/settings/privacy');
    const preview = page.getByRole('main').getByRole('status').filter({ hasText: 'С такими сроками' });
    await preview.getByText('ничего не удалится').waitFor();
    await page.getByLabel('Хранить номера в событиях АТС, дней').fill('7');
    await preview.getByText('номера в событиях АТС: 1').waitFor();
    expect(await admin.get('/api/settings')).toMatchObject({ rawEventRetentionDays: 30 });
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Настройки сохранены').waitFor();
    expect(await admin.get('/api/settings')).toMatchObject({ rawEventRetentionDays: 7, recordingRetentionDays: 365 });
    await admin.request('PATCH', '/api/settings', { rawEventRetentionDays: 30 });
  });
});
