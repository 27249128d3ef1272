import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/live-call.ts';
import { cards, goTo, newCustomer, newNumber, openOffice, typeUntil, written, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

describe('S1 the card', () => {
  test('S1 a ringing call shows who it is in every tab of that agent, of nobody else, also after a reload, until it rings no more', async () => {
    const { pbx, anna, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Лев Толстой', {
      company: 'Ясная Поляна',
      emails: ['lev@example.org'],
      note: 'тайна',
    });
    const desk = await office.desk(anna);
    const [first, second] = [await desk.newPage(), await desk.newPage()];
    await goTo(first, '/tickets');
    await goTo(second, '/customers');
    const colleague = await office.tab(boris);

    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    for (const page of [first, second]) {
      await cards(page).getByText('Лев Толстой').waitFor();
      const text = await cards(page).innerText();
      expect(text).toContain(written(phone));
      expect(text).toContain('lev@example.org');
      expect(text).toContain('Ясная Поляна');
      expect(text).toContain('+7 495 000-00-00');
      expect(text).not.toContain('тайна');
    }
    await first.reload();
    await cards(first).getByText('Лев Толстой').waitFor();
    expect(await cards(colleague).count()).toBe(0);

    await call.giveUp();
    await call.finish();
    for (const page of [first, second]) await cards(page).waitFor({ state: 'detached' });
  });

  test('S1 several calls stand below one another', async () => {
    const { pbx, vera } = office.product;
    const page = await office.tab(vera);
    const calls = [newNumber(), newNumber(), newNumber()].map((from) => pbx.incoming({ from }));
    for (const call of calls) await call.ring('0103');
    await cards(page).nth(2).waitFor();
    expect(await cards(page).count()).toBe(3);
    for (const call of calls) {
      await call.giveUp();
      await call.finish();
    }
    await eventually(
      () => cards(page).count(),
      (count) => count === 0,
    );
  });

  test('S1 an admin chooses which fields stand on the card', async () => {
    const { pbx, anna, admin } = office.product;
    const { phone } = await newCustomer(office.product, 'Афанасий Фет', { company: 'Воробьёвка', note: 'Любит поэзию' });
    const settings = await office.tab(admin, '/settings/fields');
    // The second switch is clicked while the first is still being saved.
    let goOn = (): void => undefined;
    const bothClicked = new Promise<void>((resolve) => (goOn = resolve));
    await settings.route('**/api/fields/*', async (route) => {
      await bothClicked;
      await route.continue();
    });
    await settings.getByRole('switch', { name: 'Входящий звонок: Заметка' }).click();
    await settings.getByRole('switch', { name: 'Входящий звонок: Компания' }).click();
    goOn();
    await eventually(
      async () => (await admin.get<{ items: { key: string; showOnCall: boolean }[] }>('/api/fields')).items,
      (fields) =>
        fields.some((one) => one.key === 'note' && one.showOnCall) &&
        fields.some((one) => one.key === 'company' && !one.showOnCall),
    );
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await cards(page).getByText('Любит поэзию').waitFor();
    expect(await cards(page).innerText()).not.toContain('Воробьёвка');
    await call.giveUp();
    await call.finish();
    await settings.getByRole('switch', { name: 'Входящий звонок: Заметка' }).click();
    await settings.getByRole('switch', { name: 'Входящий звонок: Компания' }).click();
    await cards(page).waitFor({ state: 'detached' });
  });
});

describe('S2 a known customer is answered', () => {
  test('S2a the profile opens by itself; the ticket made there says «Звонок в процессе», then plays the recording', async () => {
    const { pbx, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Антон Чехов');
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await page.getByRole('heading', { level: 1, name: 'Антон Чехов' }).waitFor();

    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByText('Отредактировать данного пользователя').waitFor();
    await page.getByText('Перейти в профиль пользователя').waitFor();
    await page.getByLabel('Тема', { exact: true }).fill('Вишнёвый сад');
    await page.getByLabel('Суть звонка').fill('Хочет продать имение.');
    await page.getByRole('button', { name: 'Создать', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Вишнёвый сад' }).waitFor();
    await page.getByText('Звонок в процессе').waitFor();
    await page.getByText('Хочет продать имение.').waitFor();
    expect(await page.getByRole('group', { name: 'Запись разговора' }).count()).toBe(0);

    await call.pass(30);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    await page.getByRole('button', { name: 'Слушать' }).waitFor();
    expect(await page.getByText('Звонок в процессе').count()).toBe(0);
    expect(await page.getByLabel('Статус').locator('option:checked').innerText()).toBe('В ожидании');
  });

  test('S2 the profile does not open over text that is being typed: the card has the link', async () => {
    const { pbx, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Николай Гоголь');
    const page = await office.tab(anna, '/tickets/new');
    await page.getByLabel('Сообщение пользователя').fill('Полслова');
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await cards(page).getByText('Идёт разговор').waitFor();
    expect(await page.getByLabel('Сообщение пользователя').inputValue()).toBe('Полслова');
    await cards(page).getByRole('link', { name: 'Профиль пользователя' }).click();
    await page.getByRole('heading', { level: 1, name: 'Николай Гоголь' }).waitFor();
    await call.hangUp();
    await call.finish();
  });

  test('S2a nothing done: the ticket «Входящий звонок с …» appears in the list, open, with the agent and the recording', async () => {
    const { pbx, vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Иван Бунин');
    const page = await office.tab(vera, '/tickets?assigneeId=me');
    const typing = await page.context().newPage();
    await goTo(typing, '/tickets/new');
    await typing.getByLabel('Тема', { exact: true }).fill('Не закрывать');
    const call = pbx.incoming({ from: phone });
    await call.ring('0103');
    await call.answer('0103');
    await call.pass(20);
    await call.hangUp();
    await call.finish();
    const row = page.getByRole('row').filter({ hasText: `Входящий звонок с ${written(phone)}` });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/Входящий[^]*Иван Бунин[^]*Открытое[^]*Вера Орлова/);
    await row.getByRole('link').click();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
  });

  test('S2b the talk is written down in an earlier ticket of the customer', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Фёдор Тютчев');
    const earlier = await anna.post<{ id: string }>('/api/tickets', {
      subject: 'Прежний вопрос',
      channel: 'call',
      kind: 'incoming',
      customerId: id,
    });
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await page.getByRole('heading', { level: 1, name: 'Фёдор Тютчев' }).waitFor();
    await page.getByRole('link', { name: 'Прежний вопрос' }).click();
    await page.getByRole('button', { name: 'Зафиксировать звонок в текущем обращении' }).click();
    await page.getByLabel('Суть звонка').fill('Умом не понять.');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Звонок в процессе').waitFor();
    await page.getByText('Умом не понять.').waitFor();
    await call.pass(15);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    expect(page.url()).toMatch(new RegExp(`/tickets/${earlier.id}$`));
    expect(await page.getByLabel('Статус').locator('option:checked').innerText()).toBe('В ожидании');
  });

  test('S2b from the ticket one goes back to the profile to choose another; text not saved by the end moves into the new ticket', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Василий Жуковский');
    await anna.post('/api/tickets', { subject: 'Не тот', channel: 'call', kind: 'incoming', customerId: id });
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await page.getByRole('heading', { level: 1, name: 'Василий Жуковский' }).waitFor();
    await page.getByRole('link', { name: 'Не тот' }).click();
    await page.getByRole('link', { name: 'Вернуться в профиль пользователя' }).click();
    await page.getByRole('heading', { level: 1, name: 'Василий Жуковский' }).waitFor();
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).waitFor();

    // The call ends before the text is saved: to the ticket that was made, and on with the same sentence there.
    await page.getByRole('link', { name: 'Не тот' }).click();
    await page.getByRole('button', { name: 'Зафиксировать звонок в текущем обращении' }).click();
    await page.getByLabel('Суть звонка').pressSequentially('Светлана');
    const made = page.getByRole('heading', { level: 1, name: `Входящий звонок с ${written(phone)}` });
    const over = call.hangUp().then(() => call.finish());
    const typed = await typeUntil(page, made);
    await over;
    expect(await page.getByRole('textbox', { name: 'Суть звонка' }).inputValue()).toBe(`Светлана${typed}`);
  });
});

describe('S3, S4 an unknown number', () => {
  test('S3, S4a the agent finds the customer; the number is added and all is as for a known one', async () => {
    const { pbx, anna, admin } = office.product;
    const { id } = await newCustomer(office.product, 'Марина Цветаева', { note: 'Живёт в Борисоглебском' });
    const phone = newNumber();
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await cards(page).getByText('Нет в базе пользователей').waitFor();
    expect(await cards(page).getByRole('link', { name: 'Найти пользователя из базы для связки' }).count()).toBe(0);
    await call.answer('101');
    await cards(page).getByRole('link', { name: 'Найти пользователя из базы для связки' }).click();
    await page.waitForURL(/in=customers/);
    // By the text of a note.
    const colleague = await office.tab(office.product.boris, `/customers/${id}`);
    await page.getByRole('searchbox').fill('борисоглебск');
    await page.getByRole('button', { name: 'Связать: Марина Цветаева' }).click();
    await page.getByRole('heading', { level: 1, name: 'Марина Цветаева' }).waitFor();
    await page.getByRole('complementary', { name: 'Данные пользователя' }).getByText(written(phone)).waitFor();
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).waitFor();
    const { phones } = await admin.get<{ phones: string[] }>(`/api/customers/${id}`);
    expect(phones).toContain(phone);
    await colleague.getByRole('complementary', { name: 'Данные пользователя' }).getByText(written(phone)).waitFor();
    await call.hangUp();
    await call.finish();
  });

  test('S4b a customer is made from the number, and can be edited from the form', async () => {
    const { pbx, anna } = office.product;
    const phone = newNumber();
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await cards(page).getByRole('button', { name: 'Создать новое обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').fill('Ещё не представилась');
    await page.getByRole('link', { name: 'Отредактировать созданного пользователя' }).click();
    await page.getByLabel('Полное имя').fill('Анна Ахматова');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Анна Ахматова').first().waitFor();
    expect(await page.getByLabel('Суть звонка').inputValue()).toBe('Ещё не представилась');
    await page.getByRole('button', { name: 'Создать', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: `Входящий звонок с ${written(phone)}` }).waitFor();
    await page.getByRole('complementary', { name: 'Пользователь' }).getByText('Анна Ахматова').waitFor();
    await call.hangUp();
    await call.finish();
  });

  test('S4 the call ends first: the agent is taken to the ticket with every typed character, and types on', async () => {
    const { pbx, anna } = office.product;
    const phone = newNumber();
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await cards(page).getByRole('button', { name: 'Создать новое обращение по звонку' }).click();
    await page.getByLabel('Тема', { exact: true }).fill('Тема до конца');
    await page.getByLabel('Суть звонка').fill('Перед концом: конец');
    for (const key of ['End', ...Array.from('конец', () => 'ArrowLeft')]) await page.keyboard.press(key);
    // A slow answer is where the keys would fall between two pages.
    await page.route(/\/api\/tickets\/\d+$/, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await route.continue();
    });
    const over = call.hangUp().then(() => call.finish());
    const text = `Перед концом: ${await typeUntil(page, page.getByRole('heading', { level: 1, name: 'Тема до конца' }))}конец`;
    await over;
    expect(await page.getByLabel('Суть звонка').inputValue()).toBe(text);
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText(text).waitFor();
    await page.reload();
    await page.getByText(text).waitFor();
    expect(await page.getByLabel('Статус').locator('option:checked').innerText()).toBe('В ожидании');
  });

  test('S4 the call ends while the subject is typed: the agent types on in the ticket’s subject', async () => {
    const { pbx, anna } = office.product;
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: newNumber() });
    await call.ring('101');
    await call.answer('101');
    await cards(page).getByRole('button', { name: 'Создать новое обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').fill('Суть уже есть');
    await page.getByLabel('Тема', { exact: true }).click();
    await page.keyboard.type('gt');
    const over = call.hangUp().then(() => call.finish());
    const typed = await typeUntil(page, page.getByRole('article').getByLabel('Суть звонка'));
    await over;
    expect(await page.getByLabel('Тема', { exact: true }).inputValue()).toBe(`gt${typed}`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: `gt${typed}` }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Суть звонка' }).inputValue()).toBe('Суть уже есть');
  });

  test('one number, two customers: the agent says who it is', async () => {
    const { pbx, vera } = office.product;
    const page = await office.tab(vera);
    const call = pbx.incoming({ from: '+78123334455' });
    await call.ring('0103');
    await call.answer('0103');
    await cards(page)
      .getByRole('button', { name: /Пётр Лебедев/ })
      .click();
    await page.getByRole('heading', { level: 1, name: 'Пётр Лебедев' }).waitFor();
    await call.hangUp();
    await call.finish();
  });

  test('a hidden number says so', async () => {
    const { pbx, vera } = office.product;
    const page = await office.tab(vera);
    const call = pbx.incoming({ from: null });
    await call.ring('0103');
    await cards(page).getByText('Скрытый номер').waitFor();
    await call.answer('0103');
    await cards(page).getByRole('link', { name: 'Найти пользователя из базы для связки' }).click();
    await page.getByRole('heading', { level: 1, name: 'Кто звонит со скрытого номера?' }).waitFor();
    // There is no number that could be added to whoever is found.
    expect(await page.getByText('номер добавится к его данным').count()).toBe(0);
    await goTo(page, '/tickets');
    await call.hangUp();
    await call.finish();
    await page.getByRole('link', { name: 'Входящий звонок со скрытого номера' }).waitFor();
  });
});
