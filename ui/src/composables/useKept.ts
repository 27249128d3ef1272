import { watch } from 'vue';
import { me } from '../session.ts';

const keyOf = (name: string): string => `trubka.form.${me.value?.id ?? ''}.${name}`;
/** Whether a form of this name was left with something in it: then it opens by itself. */
export const isKept = (name: string): boolean => sessionStorage.getItem(keyOf(name)) !== null;

/**
 * Keeps what an agent changes in a form in the tab's own storage, through reloads and walks to other pages (a call comes in),
 * until it is sent or given up. What was not touched comes from the server again.
 */
export function useKept<T extends Record<string, unknown>>(name: string, form: T) {
  const key = keyOf(name);
  const untouched = new Map(Object.entries(form).map(([field, value]) => [field, JSON.stringify(value)]));
  const changes = (): [string, unknown][] =>
    Object.entries(form).filter(([field, value]) => JSON.stringify(value) !== untouched.get(field));
  const forget = (): void => sessionStorage.removeItem(key);

  Object.assign(form, JSON.parse(sessionStorage.getItem(key) ?? '{}'));
  const stop = watch(form, () => {
    const changed = changes();
    if (changed.length) sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(changed)));
    else forget();
  });
  return {
    isChanged: (): boolean => changes().length > 0,
    /** Sent or given up. */
    forget: (): void => {
      stop();
      forget();
    },
  };
}
