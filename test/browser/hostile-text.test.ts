import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { workflowUrl } from '../../api/admin/temporal-ui.ts';
import { signedPost } from '../support/pbx.ts';
import { connectTemporal } from '../support/temporal.ts';
import { cards, newCustomer, openOffice, settled, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice({ env: { TEMPORAL_UI_URL: process.env['TEST_TEMPORAL_UI_URL'] ?? '' } });
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

/** Sets a flag if it is ever taken for markup or code; the marks turn the direction of what follows. */
const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}\u202E\u2067\u200Fjavascript:alert(1)`;
const LINK = 'javascript:window.hacked=1//';
const SECTIONS = ['load', 'peak', 'channels', 'speed', 'sla', 'team'].map((section) => `/statistics?section=${section}`);
const PAGES_WITH_IT = ['/tickets', '/missed', '/customers', '/search?q=onerror&in=customers', ...SECTIONS];

async function expectHarmless(page: Page, where: string): Promise<void> {
  await page.getByRole('main').waitFor();
  await settled(page);
  expect([where, await page.evaluate('window.hacked')]).toEqual([where, undefined]);
  const markup = 'img[src="x"], [onerror], a[href^="javascript:" i], form[action^="javascript:" i]';
  expect([where, await page.locator(markup).count()]).toEqual([where, 0]);
}

describe('Check 28: what people type is text in every place it is shown', () => {
  test('card, ticket, gist, lists, customer, search, statistics, staff, board, Temporal’s pages: no dialog, no report of the policy, no foreign request', async () => {
    const { product } = office;
    const { id: fieldId } = await product.admin.post<{ id: string; key: string }>('/api/fields', {
      label: HOSTILE.slice(0, 90),
      type: 'text',
      key: 'hostile',
      showOnCall: true,
    });
    const link = { label: 'Сайт', type: 'link', key: 'site', showOnCall: true };
    const { id: linkFieldId } = await product.admin.post<{ id: string }>('/api/fields', link);
    const { id, phone } = await newCustomer(product, HOSTILE, {
      note: HOSTILE,
      company: HOSTILE,
      customFields: { hostile: HOSTILE },
    });
    const refused = await product.admin.request('PATCH', `/api/customers/${id}`, { customFields: { site: LINK } });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'customFields.site' }] } });
    // As an earlier release or another program may have stored it.
    const { custom_fields: kept } = (await product.database.db('customers').where({ id }).first('custom_fields')) as {
      custom_fields: object;
    };
    await product.database
      .db('customers')
      .where({ id })
      .update({ custom_fields: JSON.stringify({ ...kept, site: LINK }) });
    const team = HOSTILE.slice(0, 100);
    await product.admin.request('PATCH', `/api/agents/${product.boris.agentId}`, { fullName: HOSTILE, team });
    const page = await office.tab(product.anna, '/tickets');
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });

    const call = product.pbx.incoming({ from: phone });
    await call.ring('101');
    await cards(page).getByText('onerror').first().waitFor();
    await expectHarmless(page, 'the card');
    await call.answer('101');
    await page.waitForURL(/\/customers\//);
    await page.getByText(LINK).first().waitFor();
    await expectHarmless(page, 'the customer');
    const { items: talks } = await product.anna.get<{ items: { callId: string; conversationId: string | null }[] }>('/api/calls');
    const [talk] = talks;
    await product.anna.post(`/api/calls/${talk?.callId}/actions`, {
      ...{ actionId: 'hostile', type: 'create_ticket', conversationId: talk?.conversationId, subject: HOSTILE, gist: HOSTILE },
    });
    const ticketOfTalk = async (): Promise<string | undefined> =>
      (
        (await product.database.db('conversations').where({ id: talk?.conversationId }).first('ticket_id')) as {
          ticket_id: string | null;
        }
      ).ticket_id ?? undefined;
    await expect.poll(ticketOfTalk, { timeout: 30_000 }).toBeDefined();
    await page.goto(`/tickets/${await ticketOfTalk()}`);
    await page.getByText('{{7*7}}').filter({ visible: true }).nth(1).waitFor();
    await expectHarmless(page, 'the ticket of the talk, with its gist');
    await call.hangUp();
    await call.finish();

    const ticket = await product.anna.post<{ id: string }>('/api/tickets', {
      subject: HOSTILE,
      channel: 'email',
      customerId: id,
      message: { type: 'note', body: HOSTILE },
    });
    for (const path of [`/tickets/${ticket.id}`, ...PAGES_WITH_IT]) {
      await page.goto(path);
      await expectHarmless(page, path);
    }
    await page.goto(`/tickets/${ticket.id}`);
    await page.getByText('{{7*7}}').first().waitFor();

    const admin = await office.tab(product.admin, '/settings/staff');
    await admin.getByText('onerror').first().waitFor();
    await expectHarmless(admin, 'staff');
    await admin.goto('/settings/fields');
    await expectHarmless(admin, 'fields');

    // Whoever holds the salt, or has broken into the PBX, may send anything.
    await product.database.db('operators').where({ extension: '104' }).update({ full_name: HOSTILE, email: HOSTILE });
    await signedPost(product.url, `/mango/events/${encodeURIComponent('<img src=x onerror=window.hacked=1>')}`, { a: HOSTILE });
    await signedPost(product.url, '/mango/events/call', {
      ...{ entry_id: HOSTILE, call_id: HOSTILE, timestamp: Math.floor(Date.now() / 1000), seq: 1, call_state: 'Appeared' },
      ...{ location: 'abonent', from: { number: HOSTILE }, to: { extension: '101', number: HOSTILE, line_number: HOSTILE } },
    });
    const made = () => product.database.db('calls').where({ entry_id: HOSTILE }).first('id', 'workflow_id');
    await expect.poll(async () => Boolean(((await made()) as { workflow_id?: string } | undefined)?.workflow_id)).toBe(true);
    const { id: callId, workflow_id: workflowId } = (await made()) as { id: string; workflow_id: string };
    for (const path of [
      ...['/settings/inspector', '/settings/audit', '/settings/integrations', `/calls/${callId}/timeline`],
      ...[`/customers/${id}/erase`, '/demo'],
    ]) {
      await admin.goto(path);
      await expectHarmless(admin, path);
      const row = admin.getByRole('list').getByRole('button', { expanded: false }).first();
      if (await row.isVisible()) await row.click();
      await expectHarmless(admin, `${path}, opened`);
    }
    expect(office.complaints()).toEqual([]);
    const board = await (await office.desk(product.admin)).newPage();
    for (const path of [`queue/${encodeURIComponent('Звонки')}`, `find?id=${encodeURIComponent(workflowId)}`]) {
      await board.goto(`/admin/workflows/${path}`);
      await board.getByText(workflowId).first().waitFor();
      expect(await board.evaluate('window.hacked')).toBeUndefined();
    }
    const temporal = await connectTemporal();
    const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
    await temporal.close();
    await board.goto(workflowUrl('default', { workflowId, runId }));
    await board.getByText('onerror').filter({ visible: true }).first().waitFor();
    expect(await board.evaluate('window.hacked')).toBeUndefined();
    expect(await board.locator('img[src="x"], [onerror]').count()).toBe(0);
    expect(dialogs).toEqual([]);
    expect(office.complaints().filter((complaint) => !/was preloaded using link preload/.test(complaint))).toEqual([]);
    for (const field of [fieldId, linkFieldId]) await product.admin.request('DELETE', `/api/fields/${field}`);
  }, 180_000);
});
