import { shallowRef, watch } from 'vue';
import type { RouteLocationNormalized } from 'vue-router';
import { router } from './router.ts';
import { me } from './session.ts';
import type { PlainKey } from './text/index.ts';

interface ListPlace {
  readonly title: PlainKey;
  /** With the filters, the order and the page as they were. */
  readonly address: string;
}

const ALL: ListPlace = { title: 'tickets.title', address: '/tickets' };
/** The list of work that the agent was in last: where the way back from a ticket leads. */
export const lastList = shallowRef(ALL);

function remember({ name, fullPath, meta }: Pick<RouteLocationNormalized, 'name' | 'fullPath' | 'meta'>): void {
  if (name === 'tickets' || name === 'missed') lastList.value = { title: meta.title, address: fullPath };
}
remember(router.currentRoute.value);
router.afterEach((target, _from, failure) => {
  if (!failure) remember(target);
});
// What somebody else searched for is not theirs who sign in next.
watch(
  () => me.value?.id,
  (now, before) => {
    if (before && now !== before) lastList.value = ALL;
  },
);
