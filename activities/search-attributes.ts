import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { TemporalConfig } from '../db/config.ts';

const { INDEXED_VALUE_TYPE_KEYWORD, INDEXED_VALUE_TYPE_KEYWORD_LIST } = proto.temporal.api.enums.v1.IndexedValueType;

const TYPES = {
  CallState: INDEXED_VALUE_TYPE_KEYWORD,
  CallDirection: INDEXED_VALUE_TYPE_KEYWORD,
  CallAgents: INDEXED_VALUE_TYPE_KEYWORD_LIST,
  CallTickets: INDEXED_VALUE_TYPE_KEYWORD_LIST,
};

/**
 * Adds what the namespace lacks. Runs at each start, as the server's own flag works only when its database file is made.
 * Temporal Cloud has no operator service: there, attributes that are missing must be added in its console, and the error says which.
 */
export async function registerSearchAttributes(config: TemporalConfig): Promise<void> {
  const { namespace, ...options } = config;
  const connection = await Connection.connect(options);
  try {
    const { customAttributes } = await connection.withDeadline(Date.now() + 10_000, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    const missing = Object.entries(TYPES).filter(([name]) => !(name in customAttributes));
    if (missing.length === 0) return;
    await connection.withDeadline(Date.now() + 10_000, () =>
      connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) }),
    );
  } finally {
    await connection.close();
  }
}
