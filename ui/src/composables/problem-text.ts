import type { Problem } from '../client.ts';
import { t, textOf } from '../text/index.ts';

/** A problem in words. A code nobody has words for still says what to do. */
export function problemText({ code }: Pick<Problem, 'code'>): string {
  return textOf(`problem.${code}`) ?? t('problem.unknown');
}

/** What is wrong with a field, in words; `phones` also covers `phones.0`. */
export const fieldErrors =
  (problem: Problem | null) =>
  (name: string): string | undefined => {
    const found = problem?.fields.find(({ field }) => field === name || field.startsWith(`${name}.`));
    return found && (textOf(`fieldProblem.${found.code}`) ?? t('fieldProblem.invalid'));
  };
