import type { LiveCall } from '../contract.ts';
import { formatPhone } from '../format.ts';
import { t } from '../text/index.ts';

export const phoneText = (phone: string | null): string => (phone ? formatPhone(phone) : t('call.hiddenNumber'));

/** What kind of call it is and how far it has come. */
export function callTitle(call: Pick<LiveCall, 'state' | 'direction'>): string {
  if (call.state === 'ended') return t('call.ended');
  if (call.state === 'dialling') return t('call.dialling');
  if (call.state === 'talking') return call.direction === 'incoming' ? t('call.talkingIncoming') : t('call.talkingOutgoing');
  return call.direction === 'incoming' ? t('call.incoming') : t('call.outgoing');
}

/** Who it is, once and whole, as it is read out and put into notifications. */
export function callerText(call: LiveCall): string {
  const phone = phoneText(call.phone);
  return call.customer && call.customer.fullName !== phone ? `${call.customer.fullName}, ${phone}` : phone;
}

/** The subject that the service gives a ticket when nobody typed one. */
export function standardSubject(call: Pick<LiveCall, 'direction' | 'phone'>): string {
  if (!call.phone) return t('call.subjectHidden');
  const phone = formatPhone(call.phone);
  return call.direction === 'incoming' ? t('call.subjectIncoming', { phone }) : t('call.subjectOutgoing', { phone });
}
