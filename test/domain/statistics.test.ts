import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeFigure, FIGURES, FIGURES_OF, isAverage, partsOf, ruleOf, SECTIONS } from '../../domain/statistics.ts';

const docs = readFileSync(new URL('../../docs/statistics.md', import.meta.url), 'utf8');
/** The table of figures as docs/statistics.md has it: figure → unit, agent filter, calls. */
const documented = new Map(
  [...docs.matchAll(/^\| `(\w+)`\s*\| (tickets|replies|seconds)\s*\| (\w+)\s*\| ([\w ]+?)\s*\|/gm)].map(
    ([, figure, unit, agent, calls]) => [figure, { unit, agent, calls }] as const,
  ),
);

describe('S20–S25: the table of figures', () => {
  test.each(FIGURES)('%s stands in the documentation with its unit, whose it is, and whether calls are left out', (figure) => {
    const { unit, agent, callsLeftOut } = describeFigure(figure);
    expect(documented.get(figure)).toEqual({ unit, agent, calls: callsLeftOut ? 'left out' : 'counted' });
  });

  test('the documentation knows no others', () => {
    expect([...documented.keys()].sort()).toEqual([...FIGURES].sort());
  });

  test('every figure has a section, and every section figures with rules', () => {
    expect(new Set(SECTIONS.flatMap((section) => FIGURES_OF[section])).size).toBe(FIGURES.length);
    for (const figure of FIGURES) for (const part of partsOf(figure)) expect(ruleOf(part).facts).toBeDefined();
  });

  test('calls are left out of the speeds of replies and their targets, and of nothing else', () => {
    expect(FIGURES.filter((figure) => describeFigure(figure).callsLeftOut).sort()).toEqual(
      ['anyReplySeconds', 'firstReplySeconds', 'slaAnyReplyBreached', 'slaFirstReplyBreached', 'writingSeconds'].sort(),
    );
  });

  test('what is measured is an average, the rest is counted', () => {
    expect(FIGURES.filter(isAverage).map((figure) => describeFigure(figure).unit)).not.toContain('tickets');
    expect(FIGURES.filter((figure) => !isAverage(figure)).map((figure) => describeFigure(figure).unit)).not.toContain('seconds');
  });
});
