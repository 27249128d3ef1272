import type { Config } from './config.ts';
import type { Executor } from './pool.ts';

export interface StoredSettings {
  /** How numbers without a country code are read. */
  readonly phoneCountry: string;
  readonly timezone: string;
  /** Null: kept for ever. */
  readonly recordingRetentionDays: number | null;
  readonly rawEventRetentionDays: number | null;
  readonly adminSecondFactorRequired: boolean;
}

const DEFAULTS: Omit<StoredSettings, 'phoneCountry'> = {
  timezone: 'Europe/Moscow',
  recordingRetentionDays: 365,
  rawEventRetentionDays: 30,
  adminSecondFactorRequired: false,
};

/** Which settings the environment gives: it wins over what is stored. */
export const settingsFromEnvironment = (config: Pick<Config, 'phoneCountryGiven'>): (keyof StoredSettings)[] =>
  config.phoneCountryGiven ? ['phoneCountry'] : [];

/** The settings in force. */
export async function readSettings(
  db: Executor,
  config: Pick<Config, 'phoneCountry' | 'phoneCountryGiven'>,
): Promise<StoredSettings> {
  const rows = (await db('settings').select('key', 'value')) as { key: string; value: unknown }[];
  const stored = Object.fromEntries(rows.map(({ key, value }) => [key, value])) as Partial<StoredSettings>;
  return {
    timezone: stored.timezone ?? DEFAULTS.timezone,
    recordingRetentionDays:
      stored.recordingRetentionDays === undefined ? DEFAULTS.recordingRetentionDays : stored.recordingRetentionDays,
    rawEventRetentionDays:
      stored.rawEventRetentionDays === undefined ? DEFAULTS.rawEventRetentionDays : stored.rawEventRetentionDays,
    adminSecondFactorRequired: stored.adminSecondFactorRequired ?? DEFAULTS.adminSecondFactorRequired,
    phoneCountry: config.phoneCountryGiven ? config.phoneCountry : (stored.phoneCountry ?? config.phoneCountry),
  };
}

/** The terms alone, for those who do not care about the rest. */
export async function readRetention(
  db: Executor,
): Promise<Pick<StoredSettings, 'recordingRetentionDays' | 'rawEventRetentionDays'>> {
  const { recordingRetentionDays, rawEventRetentionDays } = await readSettings(db, { phoneCountry: '', phoneCountryGiven: true });
  return { recordingRetentionDays, rawEventRetentionDays };
}

/** The country of numbers without a country code, as it is now: an admin may change it while everything runs. */
export async function readPhoneCountry(
  db: Executor,
  config: Pick<Config, 'phoneCountry' | 'phoneCountryGiven'>,
): Promise<string> {
  if (config.phoneCountryGiven) return config.phoneCountry;
  const row = (await db('settings').where({ key: 'phoneCountry' }).first('value')) as { value: string } | undefined;
  return row?.value ?? config.phoneCountry;
}

export async function writeSettings(trx: Executor, change: Partial<StoredSettings>): Promise<void> {
  const rows = Object.entries(change).map(([key, value]) => ({ key, value: JSON.stringify(value), updated_at: trx.fn.now() }));
  if (rows.length > 0) await trx('settings').insert(rows).onConflict('key').merge();
}
