import type { Demo } from '../contract.ts';
import { formatPhone } from '../format.ts';
import { t } from '../text/index.ts';

/** Who an extension or a number is, in words; null: a hidden number. */
export function nameIn(demo: Demo, party: string | null): string {
  if (party === null) return t('call.hiddenNumber');
  const phone = demo.phones.find(({ extension }) => extension === party);
  if (phone) return phone.agent?.fullName ?? phone.name;
  const group = demo.groups.find(({ extension }) => extension === party);
  if (group) return group.name;
  return formatPhone(party);
}
