import { watch } from 'vue';
import { me } from '../session.ts';

const keyOf = (name: string): string => `trubka.form.${me.value?.id ?? ''}.${name}`;
const read = (key: string): Record<string, unknown> => JSON.parse(sessionStorage.getItem(key) ?? '{}') as Record<string, unknown>;
/** Whether a form of this name was left with something in it: then it opens by itself. */
export const isKept = (name: string): boolean => sessionStorage.getItem(keyOf(name)) !== null;

/**
 * Keeps what an agent changes in a form in the tab's own storage, through reloads and walks to other pages (a call comes in),
 * until it is sent or given up. What was not touched comes from the server again.
 */
export function useKept<T extends Record<string, unknown>>(name: string, form: T) {
  const key = keyOf(name);
  const overKey = `${key}.over`;
  const kept = read(key);
  const over = Object.entries(read(overKey)).filter(([field]) => field in kept);
  const untouched = new Map([...Object.entries(form), ...over].map(([field, value]) => [field, JSON.stringify(value)]));
  const changes = (): [string, unknown][] =>
    Object.entries(form).filter(([field, value]) => JSON.stringify(value) !== untouched.get(field));
  const before = (): T =>
    Object.fromEntries([...untouched].map(([field, text]) => [field, text && (JSON.parse(text) as unknown)])) as T;
  const forget = (): void => [key, overKey].forEach((one) => sessionStorage.removeItem(one));
  const keep = (changed: readonly [string, unknown][]): void => {
    const was = before();
    sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(changed)));
    sessionStorage.setItem(overKey, JSON.stringify(Object.fromEntries(changed.map(([field]) => [field, was[field]]))));
  };

  Object.assign(form, kept);
  const stop = watch(form, () => {
    const changed = changes();
    if (changed.length) keep(changed);
    else forget();
  });
  return {
    isChanged: (): boolean => changes().length > 0,
    /** What was there when the agent began to type, be it long ago: what differs from it the agent has changed, and nothing else. */
    before,
    /** Sent or given up. */
    forget: (): void => {
      stop();
      forget();
    },
  };
}
