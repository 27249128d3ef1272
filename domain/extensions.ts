/** An extension is a text; the PBX's parts do not agree on leading zeros (mango-api §2.2). */
export const withoutZeros = (extension: string): string => extension.replace(/^0+/, '');
