import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { createDemoPbx, type DemoPbx, type DemoPbxOptions } from '../../run/demo-pbx/pbx.ts';
import { ACCOUNT } from './staff.ts';
import type { Stack } from './stack.ts';
import type { TicketRecord } from './checker/evidence.ts';
import type { Person } from './client.ts';

/** For tests of the product as processes: a PBX whose clock stands where the test says, so that hours need not be waited for. */
export async function pastPbx(options: Partial<DemoPbxOptions> & { readonly secondsAgo: number }): Promise<DemoPbx> {
  const { secondsAgo, ...rest } = options;
  const pbx = createDemoPbx({
    targetUrl: 'http://127.0.0.1:9',
    account: ACCOUNT,
    key: 'processeskey01',
    salt: 'processessalt02',
    pace: 'instant',
    startAt: Math.floor(Date.now() / 1000) - secondsAgo,
    callbacks: { mode: 'manual' },
    ...rest,
  });
  await pbx.start();
  return pbx;
}

export const accountOf = (pbx: DemoPbx) => ({ url: pbx.url, ...pbx.credentials });

/** What stands in the tickets of one number, without ids and times. */
export async function outcomeOf(admin: Person, phone: string): Promise<unknown[]> {
  const { items } = await admin.get<{ items: TicketRecord[] }>(`/api/tickets?q=${phone.slice(1)}&sort=number&pageSize=50`);
  const tickets = await Promise.all(items.map(({ id }) => admin.get<TicketRecord>(`/api/tickets/${id}`)));
  return tickets.map(({ kind, status, subject, missedCount, messages }) => ({
    kind,
    status,
    subject,
    missedCount,
    entries: messages.flatMap(({ conversation, body }) =>
      conversation
        ? [{ outcome: conversation.outcome, body, recordings: conversation.recordings.map(({ state }) => state) }]
        : [],
    ),
  }));
}

export async function until<T>(read: () => Promise<T>, isIt: (found: T) => boolean, withinMs = 90_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await read();
    if (isIt(found) || Date.now() > deadline) return found;
    await delay(200);
  }
}

/** As the past would have left them: nothing of it is news any more. */
export async function age(stack: Stack, hours: number): Promise<void> {
  const past = `interval '${hours} hours'`;
  // Connected well before the PBX's first call: calls from before are none of ours.
  await sql(stack, `update integrations set created_at = created_at - 2 * ${past}`);
  await sql(stack, `update inbox set received_at = received_at - ${past}`);
}

export async function sql<T extends pg.QueryResultRow>(stack: Stack, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Lets the schedule fire now, and waits until its workflow has closed. */
export async function reconcileNow(stack: Stack): Promise<void> {
  const connection = await Connection.connect({ address: stack.temporalAddress });
  try {
    const client = new Client({ connection });
    const closed = async (): Promise<number> =>
      (await client.workflow.count('WorkflowType = "reconcile" and ExecutionStatus = "Completed"')).count;
    const before = await closed();
    await client.schedule.getHandle('reconcile').trigger();
    const after = await until(closed, (count) => count > before, 60_000);
    if (after <= before) throw new Error('The reconciliation that was asked for did not take place');
  } finally {
    await connection.close();
  }
}
