import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

export const formatForeign = (phone: string): string => parsePhoneNumberFromString(phone)?.formatInternational() ?? phone;
