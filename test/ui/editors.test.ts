import { fireEvent, screen, waitFor } from '@testing-library/vue';
import { beforeEach, describe, expect, test } from 'vitest';
import { defineComponent, h, reactive } from 'vue';
import CustomerForm from '../../ui/src/components/customers/CustomerForm.vue';
import AgentForm from '../../ui/src/components/settings/AgentForm.vue';
import SlaTable from '../../ui/src/components/settings/SlaTable.vue';
import MessageEditor from '../../ui/src/components/tickets/MessageEditor.vue';
import MessageEntry from '../../ui/src/components/tickets/MessageEntry.vue';
import { Problem } from '../../ui/src/client.ts';
import TicketNewPage from '../../ui/src/pages/TicketNewPage.vue';
import { useFields } from '../../ui/src/composables/useFields.ts';
import { hasUnsavedText } from '../../ui/src/live/unsaved.ts';
import { answerWith, conversation, customer, page, show, ticket } from './stage.ts';

beforeEach(() => sessionStorage.clear());
const written = { ...ticket, channel: 'email', kind: null, handset: null, customer: null, phone: null, messages: [] };

describe('the editor of a ticket', () => {
  test('sends a reply; the text goes only when it has arrived', async () => {
    let up = false;
    const asked = answerWith(() => (up ? { body: {} } : 'down'));
    show(MessageEditor, { ticket: written });
    const field = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Ответ' });
    await fireEvent.update(field, 'Готово');
    expect(hasUnsavedText()).toBe(true);
    await fireEvent.click(screen.getByRole('button', { name: 'Отправить' }));
    await screen.findByText('Нет связи с сервером. Проверьте сеть и повторите.');
    expect(field.value).toBe('Готово');
    up = true;
    await fireEvent.click(screen.getByRole('button', { name: 'Отправить' }));
    await waitFor(() => expect(field.value).toBe(''));
    expect(asked.at(-1)).toMatchObject({
      method: 'POST',
      path: '/api/tickets/7/messages',
      body: { type: 'reply', body: 'Готово' },
    });
    expect(hasUnsavedText()).toBe(false);
    // Nobody knew whether the first had arrived: the second says that it is the same. The next one is another.
    await fireEvent.update(field, 'Готово');
    await fireEvent.click(screen.getByRole('button', { name: 'Отправить' }));
    await waitFor(() => expect(field.value).toBe(''));
    const ids = asked.filter(({ method }) => method === 'POST').map(({ body }) => (body as { requestId: string }).requestId);
    expect([ids[0] === ids[1], ids[1] === ids[2]]).toEqual([true, false]);
  });

  test('what is typed while a message is under way is the beginning of the next one', async () => {
    let arrive = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const asked = answerWith(async () => {
      await arrived;
      return { body: {} };
    });
    show(MessageEditor, { ticket: written });
    const field = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Ответ' });
    await fireEvent.update(field, 'Готово');
    await fireEvent.click(screen.getByRole('button', { name: 'Отправить' }));
    await fireEvent.update(field, 'Готово\nИ ещё одно');
    arrive();
    await waitFor(() => expect(field.value).toBe('И ещё одно'));
    expect(asked[0]).toMatchObject({ method: 'POST', body: { body: 'Готово' } });
  });

  test('a note is chosen by name, and what was begun is there again', async () => {
    answerWith(() => page());
    const { unmount } = show(MessageEditor, { ticket: written });
    await fireEvent.click(screen.getByRole('radio', { name: 'Заметка' }));
    await fireEvent.update(screen.getByRole('textbox', { name: 'Заметка' }), 'Начало');
    unmount();
    show(MessageEditor, { ticket: written });
    expect(screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Заметка' }).value).toBe('Начало');
  });

  test('the handset has a name, and none without a number', () => {
    answerWith(() => page());
    show(MessageEditor, { ticket: { ...written, phone: '+79123456789' } });
    screen.getByRole('button', { name: 'Позвонить на +7 912 345-67-89' });
  });

  test('without a number the handset says so and does nothing', () => {
    answerWith(() => page());
    show(MessageEditor, { ticket: written });
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Номер телефона неизвестен' }).disabled).toBe(true);
  });
});

describe('the form of a customer', () => {
  const form = (problem: Problem | null = null, saved: unknown[] = []) =>
    show(CustomerForm, { customer, problem, busy: false, onChange: (values: unknown) => saved.push(values) });

  test('several phones and e-mails can be added and taken away; empty ones are not sent', async () => {
    answerWith(() => page());
    const saved: unknown[] = [];
    form(null, saved);
    expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'Телефон, 1' }).value).toBe('+7 912 345-67-89');
    await fireEvent.click(screen.getByRole('button', { name: 'Добавить телефон' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Добавить телефон' }));
    await fireEvent.update(screen.getByRole('textbox', { name: 'Телефон, 2' }), '8 495 123-45-67');
    await fireEvent.click(screen.getByRole('button', { name: 'Удалить email: anna@example.org' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Сохранить' }));
    expect(saved).toEqual([{ phones: ['+7 912 345-67-89', '8 495 123-45-67'], emails: [] }]);
  });

  test('what was changed is there again after a walk elsewhere, until it is sent or given up', async () => {
    answerWith(() => page());
    const name = () => screen.getByRole<HTMLInputElement>('textbox', { name: /Полное имя/ });
    const first = form();
    await fireEvent.update(name(), 'Анна Чернова');
    first.unmount();
    const second = show(CustomerForm, { customer: { ...customer, company: 'Новая' }, problem: null, busy: false });
    expect(name().value).toBe('Анна Чернова');
    expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'Компания' }).value).toBe('Новая');
    await fireEvent.click(screen.getByRole('button', { name: 'Отмена' }));
    second.unmount();
    form();
    expect(name().value).toBe('Анна Белова');
  });

  test('what a colleague has changed meanwhile is not undone: only what was changed here is sent', async () => {
    answerWith(() => page());
    const saved: unknown[] = [];
    const source = reactive({ customer: { ...customer, phones: ['+79123456789', '+74951234567'] } });
    const Live = defineComponent(
      () => () => h(CustomerForm, { ...source, problem: null, busy: false, onChange: (values) => saved.push(values) }),
    );
    show(Live);
    await fireEvent.update(screen.getByRole('textbox', { name: 'Заметка' }), 'Звонить после обеда');
    await fireEvent.click(screen.getByRole('button', { name: 'Сохранить' }));
    source.customer = { ...customer, company: 'Новая', phones: ['+79123456789', '+74951234567', '+79031112233'] };
    await fireEvent.click(screen.getByRole('button', { name: 'Удалить телефон: +7 912 345-67-89' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Сохранить' }));
    expect(saved).toEqual([
      { note: 'Звонить после обеда' },
      { note: 'Звонить после обеда', phones: ['+7 495 123-45-67', '+7 903 111-22-33'] },
    ]);
  });

  test('nor is it undone by a form that was left and come back to', async () => {
    const fields = ['city', 'plan'].map((key) => ({ id: key, key, label: key, type: 'text', options: [], builtIn: false }));
    answerWith(({ path }) => page(path.startsWith('/api/fields') ? fields : []));
    const saved: unknown[] = [];
    const of = (city: string, phones: string[]) =>
      show(CustomerForm, {
        ...{ customer: { ...customer, phones, customFields: { city, plan: city } }, problem: null, busy: false },
        onChange: (values: unknown) => saved.push(values),
      });
    await useFields().reload();
    const first = of('Тула', ['+79123456789']);
    await fireEvent.update(await screen.findByRole('textbox', { name: 'plan' }), 'Другой');
    await fireEvent.click(screen.getByRole('button', { name: 'Добавить телефон' }));
    await fireEvent.update(screen.getByRole('textbox', { name: 'Телефон, 2' }), '+7 495 123-45-67');
    first.unmount();
    of('Орёл', ['+79123456789', '+79031112233']);
    await fireEvent.click(screen.getByRole('button', { name: 'Сохранить' }));
    const phones = ['+7 912 345-67-89', '+7 495 123-45-67', '+7 903 111-22-33'];
    expect(saved).toEqual([{ phones, customFields: { plan: 'Другой' } }]);
  });

  test('a refused number is said at the numbers, and which of them it is', () => {
    answerWith(() => page());
    const errors = [{ field: 'phones[1]', code: 'invalid_phone', message: '' }];
    const problem = new Problem(400, 'invalid_request', { errors });
    show(CustomerForm, { customer: { ...customer, phones: ['+79123456789', '123'] }, problem, busy: false });
    const group = screen.getByRole('group', { name: 'Телефон' });
    expect(document.getElementById(group.getAttribute('aria-describedby')!)!.textContent).toBe('Не похоже на номер телефона.');
    const invalid = ['Телефон, 1', 'Телефон, 2'].map((name) =>
      screen.getByRole('textbox', { name }).getAttribute('aria-invalid'),
    );
    expect(invalid).toEqual(['false', 'true']);
  });
});

describe('a call that comes in leads nobody away from', () => {
  test('the form that moves a call: it counts as typed text, and opens again with it', async () => {
    answerWith(() => page());
    const message = {
      ...{ id: 'm1', type: 'reply', code: null, body: '', createdAt: ticket.createdAt, conversation },
      author: { type: 'agent', id: conversation.agent!.id, fullName: 'Ольга Смирнова' },
    };
    const subject = () => screen.getByRole<HTMLInputElement>('textbox', { name: /Тема/ });
    const first = show(MessageEntry, { message, ticket: written });
    await fireEvent.click(screen.getByRole('button', { name: 'Действия со звонком' }));
    await fireEvent.click(await screen.findByRole('menuitem', { name: 'Перенести звонок…' }));
    expect(hasUnsavedText()).toBe(false);
    await fireEvent.click(await screen.findByRole('radio', { name: 'В новое обращение' }));
    await fireEvent.update(subject(), 'Другой вопрос');
    expect(hasUnsavedText()).toBe(true);
    first.unmount();
    const second = show(MessageEntry, { message, ticket: written });
    expect(subject().value).toBe('Другой вопрос');
    await fireEvent.click(screen.getByRole('button', { name: 'Отмена' }));
    second.unmount();
    show(MessageEntry, { message, ticket: written });
    expect([screen.queryByRole('form'), hasUnsavedText()]).toEqual([null, false]);
  });

  test('a form of the settings with something in it, until it is sent', async () => {
    answerWith(() => ({ body: {} }));
    const { unmount } = show(AgentForm, { teams: [] });
    await fireEvent.update(screen.getByRole('textbox', { name: /Полное имя/ }), 'Новенький');
    expect(hasUnsavedText()).toBe(true);
    unmount();
    expect(hasUnsavedText()).toBe(false);
    show(SlaTable, {
      targets: [{ channel: 'email', firstReplySeconds: null, anyReplySeconds: null, closeSeconds: null }],
    });
    await fireEvent.update(screen.getAllByRole('spinbutton')[0]!, '30');
    expect(hasUnsavedText()).toBe(true);
    await fireEvent.click(screen.getByRole('button', { name: 'Сохранить' }));
    await waitFor(() => expect(hasUnsavedText()).toBe(false));
  });
});

describe('the form of a new ticket', () => {
  test('what was typed when a call took the agent away is there again; once sent it is not', async () => {
    const asked = answerWith(({ method }) => (method === 'POST' ? { body: { ...ticket, id: '7' } } : page()));
    const subject = () => screen.getByRole<HTMLInputElement>('textbox', { name: /Тема/ });
    const first = show(TicketNewPage);
    await fireEvent.update(subject(), 'Вернуть товар');
    await fireEvent.update(screen.getByRole('textbox', { name: 'Сообщение пользователя' }), 'Не подошёл');
    first.unmount();
    const second = show(TicketNewPage);
    expect(subject().value).toBe('Вернуть товар');
    await fireEvent.click(screen.getByRole('button', { name: 'Создать' }));
    await waitFor(() =>
      expect(asked.find(({ method }) => method === 'POST')?.body).toMatchObject({
        subject: 'Вернуть товар',
        message: { body: 'Не подошёл' },
      }),
    );
    await waitFor(() => expect(sessionStorage.length).toBe(0));
    second.unmount();
    show(TicketNewPage);
    expect(subject().value).toBe('');
  });
});
