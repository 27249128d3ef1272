import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SearchAttributePair } from '@temporalio/common';
import type { SearchKeys } from '../domain/search-keys.ts';

/** By what calls can be found in Temporal. Ids and words only: search attributes are never encrypted. */
export const CALL_STATE = defineSearchAttributeKey('CallState', SearchAttributeType.KEYWORD);
export const CALL_DIRECTION = defineSearchAttributeKey('CallDirection', SearchAttributeType.KEYWORD);
export const CALL_AGENTS = defineSearchAttributeKey('CallAgents', SearchAttributeType.KEYWORD_LIST);
export const CALL_TICKETS = defineSearchAttributeKey('CallTickets', SearchAttributeType.KEYWORD_LIST);

export function searchAttributePairs(keys: SearchKeys): SearchAttributePair[] {
  return [
    { key: CALL_STATE, value: keys.state },
    { key: CALL_DIRECTION, value: keys.direction },
    { key: CALL_AGENTS, value: [...keys.agents] },
    { key: CALL_TICKETS, value: [...keys.tickets] },
  ];
}
