import { fireEvent, screen, waitFor, within } from '@testing-library/vue';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SELF_TEST_CODES } from '../../domain/self-test/index.ts';
import { TEST_CALL_CODES } from '../../domain/test-call.ts';
import type { Integration, Operator, SelfTest, SelfTestCheck, TestCall } from '../../ui/src/contract.ts';
import IntegrationCard from '../../ui/src/components/settings/IntegrationCard.vue';
import SelfTestPanel from '../../ui/src/components/settings/SelfTestPanel.vue';
import TestCallPanel from '../../ui/src/components/settings/TestCallPanel.vue';
import { readDemo, useDemoConnected } from '../../ui/src/demo/useDemo.ts';
import { en } from '../../ui/src/text/en.ts';
import { setLanguage } from '../../ui/src/text/index.ts';
import { ru } from '../../ui/src/text/ru.ts';
import { answerWith, show } from './stage.ts';

const ID = '00000000-0000-4000-8000-0000000000ee';
const check = (
  name: SelfTestCheck['check'],
  code: keyof typeof SELF_TEST_CODES,
  more: Partial<SelfTestCheck> = {},
): SelfTestCheck => ({
  ...{ check: name, code, verdict: SELF_TEST_CODES[code], params: {}, items: [], at: null },
  ...more,
});
const outcome = (checks: SelfTestCheck[]): SelfTest => ({
  at: new Date().toISOString(),
  verdict: 'failed',
  checks,
  events: { call: new Date().toISOString(), summary: null, recording: null, record_added: null, callback_result: null },
});
const operator: Operator = {
  ...{ id: ID, integrationId: ID, extension: '101', fullName: 'Анна Смирнова', email: 'anna@demo.local' },
  devices: [
    { number: 'sip:user101@vpbx400000000.mangosip.ru', protocol: 'sip', on: true },
    { number: '79161234567', protocol: 'tel', on: false },
  ],
  ...{ agentId: null, ignored: false, suggestedAgentId: null, present: true },
};
const integration: Integration = {
  ...{
    id: ID,
    kind: 'mango',
    name: 'Основная АТС',
    apiUrl: 'https://app.mango-office.ru',
    hasSecret: true,
    fromEnvironment: false,
  },
  ...{
    webhookUrl: 'https://desk.example.com/mango',
    createdAt: '2026-01-01T00:00:00.000Z',
    lastEventAt: null,
    operatorsReadAt: null,
  },
  operators: { total: 3, mapped: 1, ignored: 0, unmapped: 2 },
};

beforeEach(() => setLanguage('ru'));

describe('the self-test', () => {
  test('has a sentence for each verdict in both languages, and a mend for all that is not well', () => {
    for (const texts of [ru.selfTest, en.selfTest]) {
      expect(Object.keys(texts.says).sort()).toEqual(Object.keys(SELF_TEST_CODES).sort());
      const wanting = Object.entries(SELF_TEST_CODES).filter(([, verdict]) => verdict === 'failed' || verdict === 'warning');
      for (const [code] of wanting) expect(texts.mend, code).toHaveProperty(code);
      for (const code of Object.keys(texts.mend))
        expect(SELF_TEST_CODES[code as 'ok' & keyof typeof SELF_TEST_CODES], code).not.toBe('ok');
    }
    for (const texts of [ru.testCall, en.testCall]) expect(Object.keys(texts.says).sort()).toEqual([...TEST_CALL_CODES].sort());
  });

  test('asks when the button is pressed, and shows what is wrong first, each with its mend', async () => {
    const asked = answerWith(() => ({
      body: outcome([
        check('credentials', 'credentials_ok', { params: { n: 4 } }),
        check('mapping', 'some_unmapped', { params: { n: 2 } }),
        check('events', 'call_events_missing', { items: ['call'] }),
      ]),
    }));
    show(SelfTestPanel, { integrationId: ID });
    expect(asked).toEqual([]);
    await fireEvent.click(screen.getByRole('button', { name: 'Проверить' }));
    await screen.findByText('Подключение не работает');
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([`POST /api/integrations/${ID}/self-test`]);
    const [first, second] = within(screen.getByRole('list', { name: 'Что сделать' })).getAllByRole('listitem');
    expect(first?.textContent).toMatch(
      /Виды событий.*Ошибка.*ни одного о самих звонках.*Звонки \(call\).*Отметьте в API коннекторе/,
    );
    expect(second?.textContent).toMatch(/Без сотрудника операторов: 2/);
    expect(screen.getByText('В порядке: 1')).toBeTruthy();
    await screen.findByRole('button', { name: 'Проверить ещё раз' });
  });

  test('names the damage in words, and of a full disk leads to what is kept how long', async () => {
    answerWith(() => ({
      body: outcome([
        check('signature', 'body_damaged', { params: { address: '?', reason: 'not_a_form' } }),
        check('disk', 'disk_low', { params: { gigabytes: 1 } }),
      ]),
    }));
    show(SelfTestPanel, { integrationId: ID, atOnce: true });
    await screen.findByText('Последнее событие пришло повреждённым (не форма): его изменил кто-то по пути.');
    expect(screen.getByRole('link', { name: 'Хранение данных' }).getAttribute('href')).toBe('/settings/privacy');
  });

  test('says so when it could not run', async () => {
    answerWith(() => 'down');
    show(SelfTestPanel, { integrationId: ID, atOnce: true });
    await screen.findByRole('alert');
  });
});

describe('a test call', () => {
  const names = [
    'sent',
    'accepted',
    'agent_rings',
    'agent_answers',
    'customer_rings',
    'customer_answers',
    'ended',
    'ticket',
    'recording',
  ] as const;
  const callAt = (reached: number, failed?: { code: string; reason: string | null }): TestCall => ({
    ...{ id: ID, extension: '101', orderedAt: '2026-01-01T00:00:00.000Z', over: failed !== undefined, ticket: null },
    steps: names.map((step, index) => ({
      step,
      state: index < reached ? 'done' : index > reached ? 'later' : failed ? 'failed' : 'waiting',
      at: index < reached ? `2026-01-01T00:00:0${index}.000Z` : null,
      code: index === reached && failed ? failed.code : null,
      reason: index === reached && failed ? failed.reason : null,
    })),
  });

  test('follows the call until a step fails, and explains that', async () => {
    let looks = 0;
    const asked = answerWith(({ method }) => {
      if (method === 'POST') return { status: 202, body: { testCallId: ID } };
      looks += 1;
      return { body: looks < 2 ? callAt(2) : callAt(3, { code: 'agent_not_answered', reason: 'no_answer' }) };
    });
    show(TestCallPanel, { integrationId: ID, operators: [operator] });
    await fireEvent.update(screen.getByLabelText(/Номер, на который звонить/), '8 916 123-45-67');
    await fireEvent.click(screen.getByRole('button', { name: 'Позвонить' }));
    const step = (name: string): string | undefined =>
      document.querySelector<HTMLElement>(`[data-step=${name}]`)?.dataset['state'];
    await waitFor(() => expect(step('agent_rings')).toBe('waiting'));
    await waitFor(() => expect(step('agent_answers')).toBe('failed'), { timeout: 5000 });
    expect(screen.getByText(/Оператор не снял трубку/)).toBeTruthy();
    expect(asked[0]).toMatchObject({ body: { extension: '101', phone: '8 916 123-45-67' } });
    const soFar = looks;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(looks).toBe(soFar);
  });

  test('names the field that is wrong', async () => {
    const errors = [{ field: 'phone', code: 'invalid_phone', message: 'invalid' }];
    answerWith(() => ({ status: 400, body: { code: 'invalid_request', errors } }));
    show(TestCallPanel, { integrationId: ID, operators: [operator] });
    await fireEvent.update(screen.getByLabelText(/Номер, на который звонить/), 'x');
    await fireEvent.click(screen.getByRole('button', { name: 'Позвонить' }));
    await screen.findByText('Не похоже на номер телефона.');
  });
});

describe('the card of a PBX account', () => {
  test('counts who is not mapped, shows every device, and has the address to paste', async () => {
    answerWith(() => ({ body: { items: [] } }));
    show(IntegrationCard, { integration, operators: [operator] });
    await screen.findByText('без сотрудника 2');
    expect(screen.getByText('user101@vpbx400000000.mangosip.ru')).toBeTruthy();
    expect(screen.getByText('+7 916 123-45-67').className).toContain('line-through');
    expect((screen.getByLabelText(/Адрес внешней системы/) as HTMLInputElement).value).toBe('https://desk.example.com/mango');
  });

  test('reads the operators of this account alone', async () => {
    const asked = answerWith(({ path }) => ({
      body: {
        items: path.includes('refresh')
          ? [{ integrationId: ID, outcome: 'failed', code: 'pbx_unreachable', operators: null }]
          : [],
      },
    }));
    show(IntegrationCard, { integration, operators: [operator] });
    await fireEvent.click(screen.getByRole('button', { name: 'Обновить из АТС' }));
    await screen.findByRole('alert');
    expect(asked.find(({ path }) => path.endsWith('/refresh'))?.body).toEqual({ integrationId: ID });
  });

  test('changes key and salt without ever showing them, and leaves what is left empty', async () => {
    const asked = answerWith(() => ({ body: { ...integration, items: [] } }));
    show(IntegrationCard, { integration, operators: [] });
    await fireEvent.click(screen.getByRole('button', { name: 'Изменить' }));
    expect((screen.getByLabelText('Ключ для создания подписи') as HTMLInputElement).value).toBe('');
    await fireEvent.update(screen.getByLabelText('Ключ для создания подписи'), 'new-salt');
    await fireEvent.click(screen.getByRole('button', { name: 'Сохранить' }));
    await waitFor(() =>
      expect(asked.find(({ method }) => method === 'PATCH')?.body).toEqual({ name: 'Основная АТС', apiSalt: 'new-salt' }),
    );
  });

  test('is removed only after a second word, which says that history stays', async () => {
    const asked = answerWith(({ method }) => (method === 'DELETE' ? 'nothing' : { body: { items: [] } }));
    show(IntegrationCard, { integration, operators: [] });
    await fireEvent.click(screen.getByRole('button', { name: 'Удалить' }));
    expect(screen.getByText(/обращения и история останутся/)).toBeTruthy();
    expect(asked.some(({ method }) => method === 'DELETE')).toBe(false);
    await fireEvent.click(screen.getByRole('button', { name: 'Удалить интеграцию' }));
    await vi.waitFor(() => expect(asked.some(({ method }) => method === 'DELETE')).toBe(true));
  });

  test('takes its phones out of the navigation when it was the demo PBX', async () => {
    let isThere = true;
    answerWith(({ method, path }) => {
      if (method === 'DELETE') isThere = false;
      if (method === 'DELETE') return 'nothing';
      return { body: path === '/api/demo' ? { connected: isThere } : { items: [], integrations: 0 } };
    });
    const known = useDemoConnected();
    await readDemo();
    expect(known.value?.connected).toBe(true);
    show(IntegrationCard, { integration: { ...integration, kind: 'demo' }, operators: [] });
    await fireEvent.click(screen.getByRole('button', { name: 'Удалить' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Удалить интеграцию' }));
    await vi.waitFor(() => expect(known.value?.connected).toBe(false));
  });
});
