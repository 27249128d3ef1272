import { textOf } from './text/index.ts';

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
const isControl = (target: EventTarget | null): target is Control =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

function problemOf({ validity }: Control): string {
  if (validity.valueMissing) return 'required';
  if (validity.typeMismatch) return 'not_like_that';
  if (validity.tooShort) return 'too_short';
  return validity.tooLong ? 'too_long' : 'invalid';
}

/** What the browser finds wrong with a field is said in the interface's language, not in the browser's. */
export function speakValidation(): void {
  document.addEventListener(
    'invalid',
    ({ target }) => {
      if (!isControl(target)) return;
      target.setCustomValidity('');
      if (!target.validity.valid) target.setCustomValidity(textOf(`fieldProblem.${problemOf(target)}`) ?? '');
    },
    true,
  );
  document.addEventListener('input', ({ target }) => isControl(target) && target.setCustomValidity(''), true);
}
