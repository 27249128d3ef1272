import { z } from 'zod';
import { recordAudit } from '../../db/audit.ts';
import { deleteField, findField, insertField, listFields, orderFields, updateField, type FieldRow } from '../../db/fields.ts';
import { inTransaction } from '../../db/pool.ts';
import { publishListChanged } from '../../db/stream.ts';
import { listOf, uuid } from '../contract/common.ts';
import { field, fieldChange, fieldOrder, newField, type Field } from '../contract/settings.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route } from '../route.ts';

/** Enough for any form, and few enough for one card. */
const MAX_FIELDS = 200;
const fieldParams = z.strictObject({ id: uuid });

const present = (row: FieldRow): Field => ({
  id: row.id,
  key: row.key,
  label: row.label,
  type: row.type,
  options: [...row.options],
  position: row.position,
  builtIn: row.built_in,
  showOnCall: row.show_on_call,
});

function checkOptions(type: string, options: readonly string[] | undefined): void {
  if (type !== 'select' && options !== undefined && options.length > 0) throw fieldProblem('options', 'only_for_select');
  if (type === 'select' && (options === undefined || options.length === 0)) throw fieldProblem('options', 'required');
  if (options !== undefined && new Set(options).size !== options.length) throw fieldProblem('options', 'repeated');
}

export const fieldRoutes = [
  route({
    method: 'get',
    path: '/api/fields',
    summary: 'What is known of customers, in its order',
    tag: 'Fields',
    access: 'agent',
    response: listOf(field),
    handle: async ({ deps }) => ({ items: (await listFields(deps.db)).map(present) }),
  }),
  route({
    method: 'post',
    path: '/api/fields',
    summary: 'Add a custom field',
    tag: 'Fields',
    access: 'admin',
    status: 201,
    body: newField,
    response: field,
    problems: ['key_taken', 'too_many_fields'],
    handle: async ({ deps, agent, body, address }) => {
      checkOptions(body.type, body.options);
      const { key, label, type, options = [], showOnCall = false } = body;
      return inTransaction(deps.db, async (trx) => {
        const row = await insertField(trx, { key, label, type, options, showOnCall }, MAX_FIELDS);
        if (!row) throw new ProblemError('too_many_fields');
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'field.created', subject: row.key });
        await publishListChanged(trx, 'fields');
        return present(row);
      });
    },
  }),
  route({
    method: 'post',
    path: '/api/fields/order',
    summary: 'Put all fields in a new order',
    tag: 'Fields',
    access: 'admin',
    body: fieldOrder,
    response: listOf(field),
    handle: async ({ deps, agent, body, address }) => {
      if (!(await orderFields(deps.db, body.ids))) throw fieldProblem('ids', 'not_all_fields');
      await recordAudit(deps.db, { agentId: agent.agentId, address, action: 'field.ordered' });
      await publishListChanged(deps.db, 'fields');
      return { items: (await listFields(deps.db)).map(present) };
    },
  }),
  route({
    method: 'patch',
    path: '/api/fields/{id}',
    summary: 'Change a field; of a built-in one its label and «Входящий звонок»',
    tag: 'Fields',
    access: 'admin',
    params: fieldParams,
    body: fieldChange,
    response: field,
    handle: async ({ deps, agent, params, body, address }) =>
      inTransaction(deps.db, async (trx) => {
        const before = await findField(trx, params.id);
        if (!before) throw new ProblemError('not_found');
        if (body.options !== undefined) checkOptions(before.type, body.options);
        const row = await updateField(trx, params.id, body);
        if (!row) throw new ProblemError('not_found');
        await recordAudit(trx, {
          agentId: agent.agentId,
          address,
          action: 'field.changed',
          subject: row.key,
          detail: { properties: Object.keys(body) },
        });
        await publishListChanged(trx, 'fields');
        return present(row);
      }),
  }),
  route({
    method: 'delete',
    path: '/api/fields/{id}',
    summary: 'Remove a custom field and what customers had in it',
    tag: 'Fields',
    access: 'admin',
    params: fieldParams,
    response: null,
    problems: ['built_in_field'],
    handle: async ({ deps, agent, params, address }) =>
      inTransaction(deps.db, async (trx) => {
        const row = await findField(trx, params.id);
        if (!row) throw new ProblemError('not_found');
        if (row.built_in) throw new ProblemError('built_in_field');
        await deleteField(trx, row);
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'field.removed', subject: row.key });
        await publishListChanged(trx, 'fields');
      }),
  }),
];
