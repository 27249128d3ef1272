import { screen, within } from '@testing-library/vue';
import { describe, expect, test, vi } from 'vitest';
import CallCard from '../../ui/src/components/calls/CallCard.vue';
import { answerWith, customer, liveCall, page, show, ticket } from './stage.ts';

const FIELDS = ['fullName', 'emails', 'phones', 'company', 'note'].map((key, position) => ({
  ...{ id: String(position), key, label: key, type: 'text', options: [], position, builtIn: true },
  showOnCall: ['fullName', 'emails', 'company'].includes(key),
}));
const asUsual = () => answerWith(({ path }) => (path.startsWith('/api/fields') ? { body: { items: FIELDS } } : page([ticket])));
const talking = { ...liveCall, state: 'talking' as const, conversationId: 'c1', answeredAt: new Date().toISOString() };

describe('the card of a call', () => {
  // The first, as fields are read once and shared.
  test('which fields it shows is asked again until it is known', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let up = false;
    answerWith(({ path }) => (!path.startsWith('/api/fields') ? page() : up ? { body: { items: FIELDS } } : 'down'));
    show(CallCard, { call: liveCall });
    await vi.advanceTimersByTimeAsync(0);
    expect(screen.queryByText('anna@example.org')).toBeNull();
    up = true;
    await vi.advanceTimersByTimeAsync(3000);
    vi.useRealTimers();
    await screen.findByText('anna@example.org');
  });

  test('while it rings: who, which line, what the customer waits for; no step that needs an answer', async () => {
    asUsual();
    show(CallCard, { call: liveCall });
    const card = screen.getByRole('article', { name: 'Входящий звонок. Анна Белова, +7 912 345-67-89' });
    await within(card).findByText('anna@example.org');
    within(card).getByText('ООО «Ромашка»');
    within(card).getByText('+7 495 000-00-00');
    await within(card).findByRole('link', { name: /Пропущенный звонок с \+7 912 345-67-89/ });
    within(card).getByRole('link', { name: 'Профиль пользователя' });
    expect(within(card).queryByRole('button', { name: /Создать/ })).toBeNull();
  });

  test('an open missed call is among the tickets shown, however many others are newer', async () => {
    const others = [1, 2, 3].map((n) => ({ ...ticket, id: `1${n}`, kind: 'incoming', subject: `Новее ${n}`, missedCount: 0 }));
    answerWith(({ path }) => {
      if (path.startsWith('/api/fields')) return { body: { items: FIELDS } };
      return { body: path.includes('kind=missed') ? { items: [ticket], total: 1 } : { items: others, total: 5 } };
    });
    show(CallCard, { call: liveCall });
    const group = await screen.findByRole('group', { name: 'Незакрытые обращения' });
    await within(group).findByRole('link', { name: /Пропущенный звонок с \+7 912 345-67-89/ });
    await within(group).findByText('Ещё 2 обращения');
    expect(within(group).getAllByRole('listitem')).toHaveLength(3);
  });

  test('an unknown caller, answered: find the customer, or a new ticket', () => {
    asUsual();
    show(CallCard, { call: { ...talking, customer: null } });
    screen.getByText('Нет в базе пользователей');
    expect(screen.getByRole('link', { name: 'Найти пользователя из базы для связки' }).getAttribute('href')).toBe(
      `/search?in=customers&call=${liveCall.callId}`,
    );
    screen.getByRole('button', { name: 'Создать новое обращение по звонку' });
  });

  test('one number, several customers: everybody can be chosen', () => {
    asUsual();
    const other = { ...customer, id: customer.id.replace('1', '9'), fullName: 'Борис Белов' };
    show(CallCard, { call: { ...liveCall, customer: null, candidates: [customer, other] } });
    const group = screen.getByRole('group', { name: 'Кто звонит?' });
    expect(within(group).getAllByRole('button')).toHaveLength(2);
    expect(screen.queryByText('Нет в базе пользователей')).toBeNull();
  });

  test('dialled from a ticket: the way back and «Отменить»', () => {
    asUsual();
    show(CallCard, { call: { ...liveCall, direction: 'outgoing', state: 'dialling', ticketId: '41', commandId: 'x' } });
    expect(screen.getByRole('link', { name: 'Вернуться к обращению' }).getAttribute('href')).toBe('/tickets/41');
    screen.getByRole('button', { name: 'Отменить' });
  });

  test('a hidden number says so', () => {
    asUsual();
    show(CallCard, { call: { ...liveCall, phone: null, customer: null } });
    screen.getByText('Скрытый номер');
    expect(screen.queryByText('Нет в базе пользователей')).toBeNull();
  });

  test('folded it keeps who it is, and unfolds again', async () => {
    asUsual();
    show(CallCard, { call: { ...liveCall, customer: null } });
    const fold = screen.getByRole('button', { name: 'Свернуть' });
    expect(fold.getAttribute('aria-expanded')).toBe('true');
    fold.click();
    const unfold = await screen.findByRole('button', { name: 'Развернуть' });
    expect(unfold.getAttribute('aria-expanded')).toBe('false');
    expect(screen.getByRole('article').textContent).toContain('+7 912 345-67-89');
    expect(screen.queryByText('Нет в базе пользователей')).toBeNull();
  });
});
