import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { codeAt, fromBase32, stepAt } from '../../api/totp.ts';
import { openOffice, violations, type Look, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

const PASSWORD = 'correct horse battery';
const LOOKS: readonly (readonly [string, Look, 'boris' | 'vera'])[] = [
  ['light, wide, Russian', { language: 'ru' }, 'boris'],
  ['dark, 390 pixels, English', { width: 390, height: 844, dark: true, language: 'en' }, 'vera'],
];

describe('The second factor', () => {
  test.each(LOOKS)(
    '%s: is set up by the QR code or the key, asked for at sign-in, and found by axe to be in order',
    async (name, look, who) => {
      const shots = process.env['SHOTS'];
      const page = await office.tab(office.product[who], '/account', look);
      const shoot = async (step: string): Promise<void> => {
        expect({ step, found: await violations(page) }).toEqual({ step, found: [] });
        if (shots) await page.screenshot({ path: `${shots}/${name.replace(/\W+/g, '-')}-${step}.png`, fullPage: true });
      };
      await page.getByRole('button', { name: /Подключить приложение|Set up an app/ }).waitFor();
      await shoot('off');
      await page.getByRole('button', { name: /Подключить приложение|Set up an app/ }).click();
      await page
        .getByLabel(/Текущий пароль|Present password/)
        .first()
        .fill(PASSWORD);
      await page.getByRole('button', { name: /Далее|Next/ }).click();
      await page.getByRole('img', { name: /QR-код|QR code/ }).waitFor();
      await shoot('scan');
      const secret = await page.getByLabel(/Ключ для приложения|Key for the app/).inputValue();
      const code = (away: number): string => codeAt(fromBase32(secret), stepAt(new Date()) + away);
      await page.getByLabel(/Код из приложения|Code from the app/).fill(code(-1));
      await page.getByRole('button', { name: /^(Включить|Switch on)$/ }).click();
      const list = page.getByRole('list', { name: /Резервные коды|Recovery codes/ });
      await list.waitFor();
      expect(await list.getByRole('listitem').count()).toBe(10);
      await shoot('codes');
      await page.getByRole('button', { name: /Коды сохранены|I have kept them/ }).click();
      await page.getByText(/Резервных кодов осталось: 10|Recovery codes left: 10/).waitFor();
      await shoot('on');

      const door = await (await office.desk(null, look)).newPage();
      await door.goto('/sign-in');
      await door.getByLabel('Email').fill(`${who}@demo.local`);
      await door.getByLabel(/Пароль|Password/).fill(PASSWORD);
      await door.getByRole('button', { name: /Войти|Sign in/ }).click();
      await door.getByLabel(/Код из приложения|Code from the app/).fill('000000');
      await door.getByRole('button', { name: /^(Войти|Sign in)$/ }).click();
      await door.getByText(/Код неверный|The code is wrong/).waitFor();
      expect(await violations(door)).toEqual([]);
      if (shots) await door.screenshot({ path: `${shots}/${name.replace(/\W+/g, '-')}-door.png` });
      await door.getByLabel(/Код из приложения|Code from the app/).fill(code(0));
      await door.getByRole('button', { name: /^(Войти|Sign in)$/ }).click();
      await door.getByRole('heading', { level: 1, name: /Обращения|Tickets/ }).waitFor();
      // What the browser says by itself about a refusal.
      expect(office.complaints().filter((text) => !text.includes('403 (Forbidden)'))).toEqual([]);
    },
    120_000,
  );
});
