/** The demo account: who works there and which lines it has. */

export interface Operator {
  readonly extension: string;
  readonly name: string;
  /** Empty for robots and virtual assistants. */
  readonly email: string;
  /** The device that rings: a SIP account, or a mobile number. */
  readonly device: string;
  /** Others that ring with it, such as a mobile number. */
  readonly otherDevices?: readonly string[];
}

export interface Group {
  readonly extension: string;
  readonly name: string;
  readonly members: readonly string[];
}

export interface Account {
  readonly productId: number;
  readonly operators: readonly Operator[];
  readonly groups: readonly Group[];
  /** PBX numbers; the first is the one called when a script names none. */
  readonly lines: readonly string[];
}

export const DEMO_ACCOUNT: Account = {
  productId: 400000000,
  operators: [
    operator('101', 'Анна Смирнова', 'anna@demo.local'),
    operator('102', 'Борис Кузнецов', 'boris@demo.local'),
    operator('0103', 'Вера Орлова', 'vera@demo.local'),
    operator('104', 'Робот-консультант', ''),
  ],
  groups: [{ extension: '800', name: 'Поддержка', members: ['101', '102', '0103'] }],
  lines: ['74950000000', '78120000000'],
};

export function operator(extension: string, name: string, email: string, device = sipDevice(extension)): Operator {
  return { extension, name, email, device };
}

export function sipDevice(extension: string, productId = 400000000): string {
  return `sip:user${extension}@vpbx${productId}.mangosip.ru`;
}

/** One end of a leg. */
export type Party =
  /** Whom the call is about; null when the caller hides the number. */
  | { readonly kind: 'customer'; readonly number: string | null }
  /** Somebody else outside the PBX: where a call is handed over to. */
  | { readonly kind: 'outside'; readonly number: string }
  | { readonly kind: 'operator'; readonly extension: string; readonly device: string }
  | { readonly kind: 'group'; readonly extension: string }
  /** A PBX number: what a voice menu or a queue answers on. */
  | { readonly kind: 'line'; readonly number: string };

/** Short numbers are operators or groups (also unknown ones), anything longer is a number outside. */
export function partyOf(text: string, account: Account): Party {
  const digits = digitsOf(text);
  if (text.startsWith('sip:')) return { kind: 'outside', number: text };
  if (digits.length > 6) return { kind: 'outside', number: digits };
  const known = account.operators.find((one) => one.extension === text);
  if (known) return { kind: 'operator', extension: known.extension, device: known.device };
  if (account.groups.some((group) => group.extension === text)) return { kind: 'group', extension: text };
  return { kind: 'operator', extension: text, device: sipDevice(text, account.productId) };
}

export function sameParty(a: Party, b: Party): boolean {
  if (a.kind === 'operator' || a.kind === 'group') return a.kind === b.kind && 'extension' in b && a.extension === b.extension;
  return a.kind === b.kind && 'number' in b && a.number === b.number;
}

/** A number as the PBX writes it: digits only, a leading 8 of a Russian number as 7. SIP addresses stay as they are. */
export function digitsOf(number: string): string {
  if (number.startsWith('sip:')) return number;
  const digits = number.replace(/\D/g, '');
  return digits.length === 11 && digits.startsWith('8') ? `7${digits.slice(1)}` : digits;
}

/** How the PBX's statistics name an operator. */
export function userIdOf(extension: string, account: Account): number {
  const index = account.operators.findIndex((operator) => operator.extension === extension);
  return account.productId + 101 + (index === -1 ? 900 : index);
}
