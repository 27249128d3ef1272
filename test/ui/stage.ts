import { render, type RenderResult } from '@testing-library/vue';
import ui from '@nuxt/ui/vue-plugin';
import { vi } from 'vitest';
import { h, type Component } from 'vue';
import type { Conversation, Customer, LiveCall, TicketListItem } from '../../ui/src/contract.ts';
import { router } from '../../ui/src/router.ts';
import UApp from '@nuxt/ui/components/App.vue';

/** Mounts a component as the interface does: inside the app, with its router. */
export function show(component: Component, props: Record<string, unknown> = {}): RenderResult {
  return render({ render: () => h(UApp, { toaster: null }, () => h(component, props)) }, { global: { plugins: [ui, router] } });
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}
export type Answer = { readonly status?: number; readonly body?: unknown } | 'nothing' | 'down';

/** Answers what the client asks for, in place of the service; what was asked is kept. */
export function answerWith(answer: (asked: Asked) => Answer | Promise<Answer>): Asked[] {
  const all: Asked[] = [];
  vi.stubGlobal('fetch', async (address: string, init: RequestInit = {}) => {
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : null;
    const asked = { method: init.method ?? 'GET', path: address, body };
    all.push(asked);
    const given = await answer(asked);
    if (given === 'down') throw new TypeError('Failed to fetch');
    if (given === 'nothing') return new Response(null, { status: 204 });
    return new Response(JSON.stringify(given.body ?? {}), { status: given.status ?? 200 });
  });
  return all;
}
export const page = (items: readonly unknown[] = []): Answer => ({ body: { items, total: items.length } });

export const customer: Customer = {
  id: '00000000-0000-4000-8000-000000000001',
  fullName: 'Анна Белова',
  phones: ['+79123456789'],
  emails: ['anna@example.org'],
  company: 'ООО «Ромашка»',
  note: '',
  customFields: {},
};
export const ticket: TicketListItem = {
  id: '7',
  number: 1007,
  subject: 'Пропущенный звонок с +7 912 345-67-89',
  status: 'open',
  channel: 'call',
  kind: 'missed',
  handset: 'red',
  phone: '+79123456789',
  customer: { id: customer.id, fullName: customer.fullName },
  assignee: null,
  missedCount: 3,
  lastMissedAt: '2024-03-05T10:20:00.000Z',
  createdAt: '2024-03-05T09:00:00.000Z',
  updatedAt: '2024-03-05T10:20:00.000Z',
  closedAt: null,
};
export const liveCall: LiveCall = {
  callId: '00000000-0000-4000-8000-0000000000aa',
  conversationId: null,
  direction: 'incoming',
  state: 'ringing',
  phone: '+79123456789',
  line: '+74950000000',
  customer,
  candidates: [],
  ticketId: null,
  commandId: null,
  draft: null,
  startedAt: new Date().toISOString(),
  answeredAt: null,
};
export const conversation: Conversation = {
  id: 'c1',
  callId: liveCall.callId,
  agent: { id: '00000000-0000-4000-8000-000000000002', fullName: 'Ольга Смирнова' },
  direction: 'incoming',
  outcome: 'talked',
  startedAt: '2024-03-05T10:00:00.000Z',
  answeredAt: '2024-03-05T10:00:05.000Z',
  endedAt: '2024-03-05T10:03:47.000Z',
  talkSeconds: 222,
  phone: '+79161234567',
  recording: null,
  recordings: [],
};
