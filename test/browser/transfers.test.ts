import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { cards, newCustomer, openOffice, written, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

describe('S5 a call is handed over: two conversations, a ticket for each', () => {
  test('S5 the colleague sees the customer, answers and makes a ticket; who did nothing gets a closed one', async () => {
    const { pbx, anna, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Александр Пушкин');
    const first = await office.tab(anna);
    const second = await office.tab(boris);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await first.getByRole('heading', { level: 1, name: 'Александр Пушкин' }).waitFor();
    await call.consult('101', '102');
    await cards(second).getByText('Александр Пушкин').waitFor();
    await call.answer('102');
    await call.completeTransfer('101');
    await second.getByRole('heading', { level: 1, name: 'Александр Пушкин' }).waitFor();
    await second.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await second.getByLabel('Суть звонка').fill('Продолжил Борис');
    await second.getByRole('button', { name: 'Создать', exact: true }).click();
    await second.getByText('Звонок в процессе').waitFor();
    // The first agent's part is over as soon as the customer is gone.
    const auto = first.getByRole('link', { name: `Входящий звонок с ${written(phone)}` });
    await auto.first().waitFor();
    await call.pass(20);
    await call.hangUp();
    await call.finish();
    await second.getByRole('group', { name: 'Запись разговора' }).waitFor();

    await first.goto('/tickets?status=closed&assigneeId=me');
    const row = first.getByRole('row').filter({ hasText: 'Александр Пушкин' });
    await row.waitFor();
    await first.goto('/tickets?status=pending');
    await first.getByRole('row').filter({ hasText: 'Александр Пушкин' }).filter({ hasText: 'Борис Кузнецов' }).waitFor();
  });

  test('S5 the consultation does not count as a talk: back with the first agent the call goes on there', async () => {
    const { pbx, anna, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Михаил Лермонтов');
    const first = await office.tab(anna);
    const second = await office.tab(boris);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await first.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await first.getByLabel('Тема', { exact: true }).fill('Белеет парус');
    await first.getByRole('button', { name: 'Создать', exact: true }).click();
    await first.getByText('Звонок в процессе').waitFor();
    await call.consult('101', '102');
    await call.answer('102');
    await call.abandonConsultation('101');
    await cards(second).waitFor({ state: 'detached' });
    await first.getByText('Звонок в процессе').waitFor();
    await call.hangUp();
    await call.finish();
    await first.getByRole('group', { name: 'Запись разговора' }).first().waitFor();
    await second.goto('/tickets?assigneeId=me&q=Лермонтов');
    await second.getByText('Ничего не найдено').waitFor();
  });

  test('S5 handed over blindly and not answered: a missed call of that customer, with the colleague', async () => {
    const { pbx, anna, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Иван Крылов');
    const second = await office.tab(boris, '/missed?whose=me');
    await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await call.pass(5);
    await call.blindTransfer('101', '102');
    await cards(second).getByText('Иван Крылов').waitFor();
    await call.hangUp();
    await call.finish();
    await second.getByRole('list', { name: 'Пропущенные' }).getByRole('link', { name: 'Иван Крылов' }).waitFor();
  });
});
