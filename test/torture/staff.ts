import { operator, type Account } from '../../run/demo-pbx/staff.ts';

/** Those who answer whatever comes; several calls at once are nothing unusual for them. */
export const DESKS = ['101', '102', '103', '104', '105', '106'] as const;
/** Those who call back: one call each at a time, as the product asks. */
export const CALLERS = ['201', '202', '203', '204', '205', '206'] as const;
/** Known to the PBX, mapped to nobody. */
export const ROBOT = '301';
/** «Игнорировать звонки этого оператора». */
export const IGNORED = '302';

export const MAPPED: readonly string[] = [...DESKS, ...CALLERS];

export const ACCOUNT: Account = {
  productId: 400000000,
  operators: [...MAPPED, ROBOT, IGNORED].map((extension) => operator(extension, `Оператор ${extension}`, emailOf(extension))),
  groups: [{ extension: '800', name: 'Поддержка', members: [...DESKS] }],
  lines: ['74950000000', '78120000000'],
};

export function emailOf(extension: string): string {
  return `operator${extension}@torture.local`;
}
