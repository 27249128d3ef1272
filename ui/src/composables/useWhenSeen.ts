import { onScopeDispose } from 'vue';

/** Runs at once where the tab is seen; else once, as soon as it is. */
export function useWhenSeen(run: () => void): () => void {
  let owed = false;
  const come = (): void => {
    if (document.hidden || !owed) return;
    owed = false;
    run();
  };
  document.addEventListener('visibilitychange', come);
  onScopeDispose(() => document.removeEventListener('visibilitychange', come));
  return () => {
    owed = true;
    come();
  };
}
