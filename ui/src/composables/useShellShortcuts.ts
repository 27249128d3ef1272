import { onScopeDispose } from 'vue';
import { preferences } from '../preferences.ts';
import { router, to, type RouteName } from '../router.ts';

const SEQUENCE_MS = 1200;
/** A letter so soon after one that went into a field was meant for that field, even if it has gone meanwhile. */
const TYPING_MS = 1000;
/** By the key's place on the board, so that they work in any layout. */
const PLACES: Readonly<Record<string, RouteName>> = {
  KeyT: 'tickets',
  KeyM: 'missed',
  KeyU: 'customers',
  KeyS: 'statistics',
};
const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

let focusBefore: HTMLElement | null = null;

/** Jumps to the calls' cards, and from there back to where the agent was. */
export function toggleCallFocus(): void {
  const region = document.querySelector<HTMLElement>('[data-calls]');
  if (region?.contains(document.activeElement)) {
    focusBefore?.focus();
    return;
  }
  const card = region?.querySelector<HTMLElement>('[data-call]');
  if (!card) return;
  focusBefore = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  card.focus();
}

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>('main [data-search] input, main input[type=search]');
  if (field) field.focus();
  else void router.push(to('search'));
}

export function useShellShortcuts(): void {
  let goingSince = 0;
  let typedAt = -TYPING_MS;
  const stopTyping = (): void => void (typedAt = -TYPING_MS);
  /** The agent leaves the field by intent. */
  const leaves = ({ key, target }: KeyboardEvent): boolean =>
    key === 'Tab' || key === 'Escape' || (key === 'Enter' && !(target instanceof HTMLTextAreaElement));
  function whenPressed(event: KeyboardEvent): void {
    if (event.altKey && !event.ctrlKey && !event.metaKey && event.code === 'KeyA') {
      event.preventDefault();
      stopTyping();
      toggleCallFocus();
      return;
    }
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target instanceof HTMLTextAreaElement) {
      event.preventDefault();
      stopTyping();
      event.target.form?.requestSubmit();
      return;
    }
    if (!preferences.letterKeys || event.altKey || event.ctrlKey || event.metaKey) return;
    if (isTyping(event.target) || event.timeStamp - typedAt < TYPING_MS) {
      typedAt = leaves(event) ? -TYPING_MS : event.timeStamp;
      return;
    }
    const going = event.timeStamp - goingSince < SEQUENCE_MS;
    goingSince = 0;
    if (going && PLACES[event.code]) void router.push(to(PLACES[event.code]!));
    else if (event.code === 'KeyG') goingSince = event.timeStamp;
    else if (event.code === 'KeyN') void router.push(to('ticketNew'));
    else if (event.key === '?' || (event.shiftKey && event.code === 'Slash')) void router.push(to('shortcuts'));
    else if (event.code === 'Slash') focusSearch();
    else return;
    event.preventDefault();
  }
  window.addEventListener('keydown', whenPressed);
  window.addEventListener('pointerdown', stopTyping);
  onScopeDispose(() => {
    window.removeEventListener('keydown', whenPressed);
    window.removeEventListener('pointerdown', stopTyping);
  });
}
