import { shallowRef } from 'vue';
import type { RouteLocationNormalized } from 'vue-router';
import { router } from './router.ts';
import type { PlainKey } from './text/index.ts';

interface ListPlace {
  readonly title: PlainKey;
  /** With the filters, the order and the page as they were. */
  readonly address: string;
}

/** The list of work that the agent was in last: where the way back from a ticket leads. */
export const lastList = shallowRef<ListPlace>({ title: 'tickets.title', address: '/tickets' });

function remember({ name, fullPath, meta }: Pick<RouteLocationNormalized, 'name' | 'fullPath' | 'meta'>): void {
  if (name === 'tickets' || name === 'missed') lastList.value = { title: meta.title, address: fullPath };
}
remember(router.currentRoute.value);
router.afterEach((target, _from, failure) => {
  if (!failure) remember(target);
});
