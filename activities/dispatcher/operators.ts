import { withoutZeros } from '../../domain/extensions.ts';
import { deviceOf, digitsOf, parsePhone } from '../../domain/phone.ts';
import { operatorsOf, type OperatorRow } from '../../db/dispatch.ts';
import type { Db } from '../../db/pool.ts';
import type { Operator } from '../telephony/mango/translate.ts';

export interface OperatorDirectory {
  byExtension(extension: string): Operator | null;
  byDevice(number: string): Operator | null;
}

/**
 * Operators of one PBX account. An extension is a text: `0511` and `511` may be two people, so a difference in leading zeros is
 * overlooked only where the exact one does not exist and the other is the only one. A device that two share is nobody's.
 */
export function createOperatorDirectory(rows: readonly OperatorRow[], country: string): OperatorDirectory {
  const exact = new Map(rows.map((row) => [row.extension, row]));
  const loose = groupBy(rows, (row) => [withoutZeros(row.extension)]);
  const devices = groupBy(rows, (row) => numbersOf(row.devices).map((number) => deviceKey(number, country)));
  return {
    byExtension: (extension) => exact.get(extension) ?? onlyOne(loose.get(withoutZeros(extension))),
    byDevice: (number) => onlyOne(devices.get(deviceKey(number, country))),
  };
}

export interface OperatorDirectories {
  /** The account's operators as they are at that version of theirs. */
  of(integrationId: string, version: string, country: string): Promise<OperatorDirectory>;
}

/** Read anew only when they have changed: a large account has a thousand, and each call asks several times. */
export function createOperatorDirectories(db: Db): OperatorDirectories {
  const known = new Map<string, { readonly version: string; readonly directory: OperatorDirectory }>();
  return {
    async of(integrationId, operatorsVersion, country) {
      const version = `${country}/${operatorsVersion}`;
      const kept = known.get(integrationId);
      if (kept?.version === version) return kept.directory;
      const directory = createOperatorDirectory(await operatorsOf(db, integrationId), country);
      known.set(integrationId, { version, directory });
      return directory;
    },
  };
}

function groupBy(rows: readonly OperatorRow[], keysOf: (row: OperatorRow) => readonly string[]): Map<string, OperatorRow[]> {
  const groups = new Map<string, OperatorRow[]>();
  for (const row of rows) {
    for (const key of new Set(keysOf(row))) {
      if (key !== '') groups.set(key, [...(groups.get(key) ?? []), row]);
    }
  }
  return groups;
}

function onlyOne(rows: readonly OperatorRow[] | undefined): OperatorRow | null {
  return rows?.length === 1 ? (rows[0] ?? null) : null;
}

/** A mobile number in whatever form, or the user part of a sip address. */
function deviceKey(number: string, country: string): string {
  const e164 = number.includes('@') ? null : parsePhone(number, country);
  return e164 === null ? deviceOf(number) : digitsOf(e164);
}

/** `operators.devices`: objects with a number, or bare texts. */
function numbersOf(devices: unknown): string[] {
  if (!Array.isArray(devices)) return [];
  return devices.flatMap((device: unknown) => {
    if (typeof device === 'string') return [device];
    const number: unknown = device !== null && typeof device === 'object' && 'number' in device ? device.number : null;
    return typeof number === 'string' ? [number] : [];
  });
}
