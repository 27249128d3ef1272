import { withoutZeros } from '../extensions.ts';
import { says, type Check } from './check.ts';
import type { SelfTestFacts } from './facts.ts';

/** Extensions of the events that no operator has; a difference in leading zeros is none (mango-api §2.2). */
export function unknownExtensions(seen: readonly string[], known: readonly string[]): string[] {
  const names = new Set(known.map(withoutZeros));
  return [...new Set(seen)].filter((extension) => extension !== '' && !names.has(withoutZeros(extension))).sort();
}

export function checkOperators({ pbx, operators }: SelfTestFacts): Check {
  const say = says('operators');
  if (operators.readAt === null && operators.known.length === 0) return say('operators_never_read');
  if (operators.known.length === 0) return say('operators_none');
  const unknown = unknownExtensions(operators.seen, operators.known);
  if (unknown.length > 0) return say('extensions_unknown', { items: unknown });
  const changed = pbx.answer.outcome === 'accepted' ? changedSince(pbx.answer.extensions, operators.known) : [];
  if (changed.length > 0) return say('operators_changed', { items: changed });
  return say('operators_ok', { params: { n: operators.known.length }, at: operators.readAt });
}

/** What the PBX lists now and we do not, and the other way round. */
function changedSince(now: readonly string[], known: readonly string[]): string[] {
  const added = now.filter((extension) => !known.includes(extension)).map((extension) => `+${extension}`);
  const gone = known.filter((extension) => !now.includes(extension)).map((extension) => `−${extension}`);
  return [...added, ...gone];
}

export function checkMapping({ operators }: SelfTestFacts): Check {
  const say = says('mapping');
  const { known, mapped, mappedToActive, ignored } = operators;
  const unmapped = known.length - mapped - ignored;
  if (known.length === 0) return say('nobody_to_map');
  if (ignored === known.length) return say('all_ignored', { params: { n: ignored } });
  if (mapped === 0) return say('none_mapped', { params: { n: unmapped } });
  if (mappedToActive === 0) return say('only_inactive_mapped');
  if (unmapped > 0) return say('some_unmapped', { params: { n: unmapped } });
  return say('mapping_ok', { params: { n: mapped } });
}
