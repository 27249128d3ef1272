import type { Message } from '../contract.ts';
import { formatPhone } from '../format.ts';
import { textOf } from '../text/index.ts';

const shown = (name: string, value: unknown): string => {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (name === 'phone') return formatPhone(text);
  if (name === 'from' || name === 'to') return textOf(`status.${text}`) ?? text;
  return text;
};

/** A system entry is a code with parameters; here it becomes a sentence. */
export function systemText(message: Pick<Message, 'code' | 'params' | 'body'>): string {
  const params = Object.fromEntries(Object.entries(message.params).map(([name, value]) => [name, shown(name, value)]));
  return (message.code && textOf(`system.${message.code}`, params)) || message.body || (message.code ?? '');
}
