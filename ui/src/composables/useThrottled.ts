import { onScopeDispose } from 'vue';

/** Runs at once, then at most once per interval however often it is called; the last call is never dropped. */
export function useThrottled(run: () => void, intervalMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const start = (): void => {
    run();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) {
        again = false;
        start();
      }
    }, intervalMs);
  };
  onScopeDispose(() => clearTimeout(timer));
  return () => (timer ? void (again = true) : start());
}
