/** A text with a number in it; the form is chosen by the language's own rules. */
export interface Plural {
  readonly one?: string;
  readonly few?: string;
  readonly many?: string;
  readonly other: string;
}

export interface TextTree {
  readonly [key: string]: string | Plural | TextTree;
}

/** Every path in a tree of texts that ends in a text. */
export type PathOf<T> = {
  [K in keyof T & string]: T[K] extends string | Plural ? K : `${K}.${PathOf<T[K]>}`;
}[keyof T & string];

type Leaf<T, P extends string> = P extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? Leaf<T[Head], Rest>
    : never
  : P extends keyof T
    ? T[P]
    : never;

type NamesIn<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
/** The names in curly braces that a text wants filled; a plural always wants `n`. */
type Wanted<L> = L extends string ? NamesIn<L> : L extends { readonly other: infer O } ? NamesIn<O> | 'n' : never;

export type ParamsOf<T, P extends string> = [Wanted<Leaf<T, P>>] extends [never]
  ? []
  : [params: { readonly [N in Wanted<Leaf<T, P>>]: string | number }];

/** The same tree with any texts in it: what another language must fill. */
export type SameShape<T> = {
  readonly [K in keyof T]: T[K] extends string ? string : T[K] extends Plural ? Plural : SameShape<T[K]>;
};

export function lookUp(tree: TextTree, path: string): string | Plural | undefined {
  let node: string | Plural | TextTree | undefined = tree;
  for (const key of path.split('.')) {
    if (node === undefined || typeof node === 'string') return undefined;
    node = (node as TextTree)[key];
  }
  return typeof node === 'string' || (node && 'other' in node) ? (node as string | Plural) : undefined;
}

const rules = new Map<string, Intl.PluralRules>();
function formOf(text: Plural, n: number, locale: string): string {
  let rule = rules.get(locale);
  if (!rule) rules.set(locale, (rule = new Intl.PluralRules(locale)));
  return text[rule.select(n) as keyof Plural] ?? text.other;
}

export function fill(text: string | Plural, params: Readonly<Record<string, string | number>>, locale: string): string {
  const form = typeof text === 'string' ? text : formOf(text, Number(params['n']), locale);
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}
