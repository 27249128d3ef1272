import type { Page } from 'playwright-core';
import type { Product } from '../support/product.ts';
import type { Scene } from './scene.ts';

type Take = (name: string, page: Page) => Promise<void>;
const cardsOf = (page: Page) => page.getByRole('region', { name: /^(Текущие звонки|Current calls)$/ }).getByRole('article');
let counter = 0;
const stranger = (): string => `+7929${String(4_000_000 + ++counter)}`;

/** What an agent sees while calls come and go, from the first ring to the recording. */
export async function shootCalls(product: Product, scene: Scene, page: Page, take: Take): Promise<void> {
  await incoming(product, scene, page, take);
  await unknown(product, page, take);
  await outgoing(product, scene, page, take);
}

async function incoming({ pbx }: Product, { known }: Scene, page: Page, take: Take): Promise<void> {
  await page.goto('/tickets');
  const calls = [pbx.incoming({ from: known.phone }), pbx.incoming({ from: stranger() }), pbx.incoming({ from: '+78123334455' })];
  await calls[0]!.ring('102');
  await cardsOf(page).first().waitFor();
  await take('call-ringing', page);
  for (const call of calls.slice(1)) await call.ring('102');
  await cardsOf(page).nth(2).waitFor();
  await take('call-ringing-three', page);
  for (const call of calls.slice(1)) await call.giveUp();
  await calls[0]!.answer('102');
  await page.getByRole('heading', { level: 1, name: known.fullName }).waitFor();
  await cardsOf(page).nth(1).waitFor({ state: 'detached' });
  await take('call-profile', page);
  await page
    .getByRole('main')
    .getByRole('button', { name: /Создать обращение|Create a ticket/ })
    .click();
  const gist = page.getByLabel(/Суть звонка|What the call was about/);
  await gist.fill('Просит перенести доставку на пятницу, адрес прежний.');
  await take('call-form', page);
  await page.getByRole('button', { name: /^(Создать|Create)$/ }).click();
  await page
    .getByText(/Звонок в процессе|Call in progress/)
    .first()
    .waitFor();
  await take('call-ticket-in-progress', page);
  await page.goto('/missed');
  await cardsOf(page).first().waitFor();
  await take('call-talking-elsewhere', page);
  await calls[0]!.pass(95);
  await calls[0]!.hangUp();
  for (const call of calls) await call.finish();
  await cardsOf(page).first().waitFor({ state: 'detached' });
}

async function unknown({ pbx }: Product, page: Page, take: Take): Promise<void> {
  await page.goto('/tickets');
  const call = pbx.incoming({ from: stranger() });
  await call.ring('102');
  await call.answer('102');
  const find = cardsOf(page).getByRole('link', { name: /Найти пользователя|Find the customer/ });
  await find.waitFor();
  await take('call-unknown-talking', page);
  await find.click();
  await page.getByRole('searchbox').first().fill('Гордеева');
  await page
    .getByRole('button', { name: /Связать:|Link:/ })
    .first()
    .waitFor();
  await take('call-search', page);
  await call.hangUp();
  await call.finish();
  await cardsOf(page).first().waitFor({ state: 'detached' });
}

async function outgoing({ pbx }: Product, { talkTicketId }: Scene, page: Page, take: Take): Promise<void> {
  await page.goto(`/tickets/${talkTicketId}`);
  const handset = page.getByRole('button', { name: /^(Позвонить на|Call) \+/ });
  await handset.click();
  const block = page.getByRole('group', { name: /Набираем номер|Dialling/ });
  await block.waitFor();
  await take('dial-block', page);
  const call = await pbx.nextCallback();
  await page.goto('/tickets');
  await cardsOf(page).first().waitFor();
  await take('dial-card', page);
  await call.operatorAnswers();
  await call.customerAnswers();
  await page.goto(`/tickets/${talkTicketId}`);
  await page.getByLabel(/Суть звонка|What the call was about/).waitFor();
  await take('dial-talk', page);
  await page.getByLabel(/Суть звонка|What the call was about/).pressSequentially('Обещали привезти в пятницу');
  await call.hangUp();
  await page
    .getByText(/Звонок завершён\. Сохраняем|The call is over\. Putting/)
    .first()
    .waitFor();
  await take('dial-ended', page);
  await call.finish();
  const editor = page.getByRole('article').getByLabel(/Суть звонка|What the call was about/);
  await editor.waitFor();
  await take('dial-ended-typing-on', page);
  await page
    .getByRole('article')
    .getByRole('button', { name: /^(Отмена|Cancel)$/ })
    .click();
  await page.getByLabel(/Суть звонка|What the call was about/).waitFor({ state: 'detached' });
  pbx.callbacks.set({ result: 2240 });
  await handset.click();
  await page
    .getByText(/Звонок не состоялся|The call was not made|call failed/i)
    .first()
    .waitFor();
  await block.waitFor({ state: 'detached' });
  await take('dial-refused', page);
  pbx.callbacks.set({ result: 1000 });
}
