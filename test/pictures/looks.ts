/** How a page may be looked at. The names are the folders the pictures go into. */
export interface Look {
  readonly name: string;
  readonly language: 'ru' | 'en';
  readonly dark: boolean;
  readonly width: number;
  readonly height: number;
}

const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } } as const;

export const LOOKS: readonly Look[] = (['ru', 'en'] as const).flatMap((language) =>
  (['light', 'dark'] as const).flatMap((theme) =>
    (['wide', 'narrow'] as const).map((size) => ({
      name: `${language}-${theme}-${size}`,
      language,
      dark: theme === 'dark',
      ...SIZES[size],
    })),
  ),
);
