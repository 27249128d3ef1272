import { computed, ref } from 'vue';
import { router } from './router.ts';
import { activeCalls } from './live/calls.ts';
import { t } from './text/index.ts';

/** What a page with data calls itself: a ticket's subject, a customer's name. */
export const pageSubject = ref<string | null>(null);
router.afterEach((target, from) => {
  if (target.path !== from.path) pageSubject.value = null;
});

export const pageName = computed(() => {
  const title = router.currentRoute.value.meta.title;
  return pageSubject.value ?? (title ? t(title) : null);
});

/** The browser tab's text; while somebody rings it says so first, as the tab may be the only thing in sight. */
export const pageTitle = computed(() => {
  const ringing = activeCalls.value.some((call) => call.state === 'ringing' && call.direction === 'incoming');
  return [ringing ? t('call.incoming') : null, pageName.value, t('shell.product')].filter(Boolean).join(' · ');
});
