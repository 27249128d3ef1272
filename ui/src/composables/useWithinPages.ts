import { watch, type Ref } from 'vue';
import { useRouter, type RouteLocationRaw } from 'vue-router';

interface Listed {
  readonly items: readonly unknown[];
  readonly total: number;
}

/** A list may grow shorter than the page one is on: then its last page is shown, not a claim that it is empty. */
export function useWithinPages(
  data: Readonly<Ref<Listed | null>>,
  page: Readonly<Ref<number>>,
  pageSize: number,
  address: (page: number) => RouteLocationRaw,
): void {
  const router = useRouter();
  watch(data, (now) => {
    if (!now || now.items.length || !now.total || page.value === 1) return;
    void router.replace(address(Math.max(1, Math.ceil(now.total / pageSize))));
  });
}
