import { getCountries } from 'libphonenumber-js';
import { expect, test } from 'vitest';
import { countryNames, COUNTRIES, timeZones } from '../../ui/src/places.ts';

test('every country whose numbers can be read may be chosen, by its name', () => {
  expect([...COUNTRIES].sort()).toEqual(
    getCountries()
      .filter((code) => /^[A-Z]{2}$/.test(code))
      .sort(),
  );
  expect(countryNames()).toContainEqual({ value: 'KZ', label: 'Казахстан' });
});

test('a time zone in use may be chosen even if the browser does not know it', () => {
  expect(timeZones('Mars/Olympus')).toContain('Mars/Olympus');
  expect(timeZones('Europe/Moscow').filter((zone) => zone === 'Europe/Moscow')).toHaveLength(1);
});
