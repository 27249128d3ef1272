import type { Problem } from '../client.ts';
import { t, textOf } from '../text/index.ts';

/** A problem in words. A code nobody has words for still says what to do. */
export function problemText({ code }: Pick<Problem, 'code'>): string {
  return textOf(`problem.${code}`) ?? t('problem.unknown');
}

/** What is wrong with a field, in words; `phones` also covers `phones[0]`. */
export const fieldErrors =
  (problem: Problem | null) =>
  (name: string): string | undefined => {
    const found = problem?.fields.find(
      ({ field }) => field === name || field.startsWith(`${name}.`) || placeIn(name, field) >= 0,
    );
    return found && (textOf(`fieldProblem.${found.code}`) ?? t('fieldProblem.invalid'));
  };

/** Which entries of a list are wrong. */
export const wrongPlaces =
  (problem: Problem | null) =>
  (name: string): number[] =>
    (problem?.fields ?? []).map(({ field }) => placeIn(name, field)).filter((place) => place >= 0);

/** 3 for `phones[3]`; -1 for what is not in this list. */
const placeIn = (name: string, field: string): number =>
  field.startsWith(`${name}[`) ? Number.parseInt(field.slice(name.length + 1), 10) : -1;
