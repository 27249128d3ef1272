import { createRouter, createWebHistory, START_LOCATION, type RouteLocationRaw, type RouteRecordRaw } from 'vue-router';
import type { PlainKey } from './text/index.ts';
import type { Problem } from './client.ts';
import { startProblem, whoAmI } from './session.ts';

declare module 'vue-router' {
  interface RouteMeta {
    /** The page's name in the browser's tab and for screen readers. */
    title: PlainKey;
    /** Shown without the shell, to anybody. */
    open?: boolean;
    adminOnly?: boolean;
  }
}

const page = (path: string, name: string, title: PlainKey, component: () => Promise<unknown>, meta = {}) =>
  ({ path, name, component, meta: { title, ...meta } }) as RouteRecordRaw;

const routes: RouteRecordRaw[] = [
  { path: '/', redirect: { name: 'tickets' } },
  page('/sign-in', 'signIn', 'signIn.title', () => import('./pages/SignInPage.vue'), { open: true }),
  page('/invitation/:token', 'invitation', 'invitation.title', () => import('./pages/InvitationPage.vue'), { open: true }),
  page('/tickets', 'tickets', 'tickets.title', () => import('./pages/TicketListPage.vue')),
  page('/tickets/new', 'ticketNew', 'ticketNew.title', () => import('./pages/TicketNewPage.vue')),
  page('/tickets/:ticketId', 'ticket', 'ticket.title', () => import('./pages/TicketPage.vue')),
  page('/missed', 'missed', 'missed.title', () => import('./pages/MissedPage.vue')),
  page('/customers', 'customers', 'customers.title', () => import('./pages/CustomerListPage.vue')),
  page('/customers/new', 'customerNew', 'customerNew.title', () => import('./pages/CustomerNewPage.vue')),
  page('/customers/:customerId/erase', 'customerErase', 'erase.title', () => import('./pages/ErasePage.vue'), {
    adminOnly: true,
  }),
  page('/customers/:customerId', 'customer', 'customer.title', () => import('./pages/CustomerPage.vue')),
  page('/calls/:callId/ticket', 'callTicket', 'callTicket.title', () => import('./pages/CallTicketPage.vue')),
  page('/search', 'search', 'search.title', () => import('./pages/SearchPage.vue')),
  page('/statistics', 'statistics', 'statistics.title', () => import('./pages/StatisticsPage.vue')),
  page('/demo', 'demo', 'demo.title', () => import('./pages/DemoPage.vue')),
  page('/settings', 'settings', 'settings.title', () => import('./pages/SettingsPage.vue'), { adminOnly: true }),
  page('/settings/staff', 'settingsStaff', 'staff.title', () => import('./pages/StaffPage.vue'), { adminOnly: true }),
  page('/settings/fields', 'settingsFields', 'fields.title', () => import('./pages/FieldsPage.vue'), { adminOnly: true }),
  page('/settings/integrations', 'settingsIntegrations', 'integrations.title', () => import('./pages/IntegrationsPage.vue'), {
    adminOnly: true,
  }),
  page('/settings/general', 'settingsGeneral', 'general.title', () => import('./pages/GeneralPage.vue'), { adminOnly: true }),
  page('/settings/privacy', 'settingsPrivacy', 'privacy.title', () => import('./pages/PrivacyPage.vue'), { adminOnly: true }),
  page('/settings/audit', 'settingsAudit', 'audit.title', () => import('./pages/AuditPage.vue'), { adminOnly: true }),
  page('/settings/inspector', 'settingsInspector', 'inspector.title', () => import('./pages/InspectorPage.vue'), {
    adminOnly: true,
  }),
  page('/calls/:callId/timeline', 'callTimeline', 'timeline.title', () => import('./pages/CallTimelinePage.vue'), {
    adminOnly: true,
  }),
  page('/account', 'account', 'account.title', () => import('./pages/AccountPage.vue')),
  page('/shortcuts', 'shortcuts', 'shortcuts.title', () => import('./pages/ShortcutsPage.vue')),
  page('/:rest(.*)*', 'notFound', 'notFound.title', () => import('./pages/NotFoundPage.vue')),
];

export type RouteName =
  | 'signIn'
  | 'invitation'
  | 'tickets'
  | 'ticketNew'
  | 'ticket'
  | 'missed'
  | 'customers'
  | 'customerNew'
  | 'customer'
  | 'customerErase'
  | 'callTicket'
  | 'search'
  | 'statistics'
  | 'demo'
  | 'settings'
  | 'settingsStaff'
  | 'settingsFields'
  | 'settingsIntegrations'
  | 'settingsGeneral'
  | 'settingsPrivacy'
  | 'settingsAudit'
  | 'settingsInspector'
  | 'callTimeline'
  | 'account'
  | 'shortcuts'
  | 'notFound';

/** A place in the interface; a misspelt name does not compile. */
export function to(
  name: RouteName,
  params: Record<string, string> = {},
  query: Record<string, string | undefined> = {},
): RouteLocationRaw {
  return { name, params, query };
}

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (target, from, saved) => saved ?? (target.path === from.path ? {} : { top: 0 }),
});

router.beforeEach(async (target) => {
  if (target.meta.open) return true;
  const agent = await whoAmI().catch((problem: Problem) => {
    startProblem.value = problem;
    return undefined;
  });
  if (agent === undefined) return true;
  if (!agent) return { name: 'signIn', query: target.path === '/' ? {} : { next: target.fullPath } };
  if (agent.secondFactorMissing && target.name !== 'account') return { name: 'account' };
  if (target.meta.adminOnly && agent.role !== 'admin')
    return { name: 'notFound', params: { rest: target.path.slice(1).split('/') } };
  return true;
});

/** The page was come to from another one here, such as the sign-in, and not by the browser loading it. */
export const isPageChange = (): boolean => pageChanges > 0;
let pageChanges = 0;
router.afterEach((_target, from, failure) => {
  if (!failure && from !== START_LOCATION) pageChanges += 1;
});
