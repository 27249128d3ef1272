import type { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import { Router } from 'express';
import { words } from './words.ts';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

function pageOf(basePath: string, id: string): string {
  const { locale, find } = words();
  const about = id === '' ? find.hint : `<span role="alert">${find.none}</span>`;
  return `<!doctype html>
<html lang="${locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${find.title}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; margin: 10vh auto; max-width: 34rem; padding: 0 1rem; }
  form { display: flex; gap: .5rem; } input { flex: 1; min-width: 0; } input, button { font: inherit; padding: .4rem .7rem; }
</style></head>
<body><main><h1>${find.title}</h1>
<form action="${basePath}/find"><input name="id" value="${escaped(id)}" required autofocus maxlength="300" aria-label="${find.label}"><button>${find.submit}</button></form>
<p>${about}</p>
<p><a href="${basePath}/">${find.all}</a></p></main></body></html>`;
}

/** The board's own search knows names of queues only. This one leads from an id to its workflow, whichever queue it stands in. */
export function createFindPage(basePath: string, queues: readonly BaseAdapter[]): Router {
  const router = Router();
  router.get('/find', async (request, response) => {
    const { id: given } = request.query;
    const id = typeof given === 'string' ? given.trim().slice(0, 300) : '';
    for (const queue of id === '' ? [] : queues) {
      const job = (await queue.getJob(id))?.toJSON();
      if (job?.id) {
        response.redirect(`${basePath}/queue/${encodeURIComponent(queue.getName())}/${encodeURIComponent(job.id)}`);
        return;
      }
    }
    response
      .status(id === '' ? 200 : 404)
      .type('html')
      .send(pageOf(basePath, id));
  });
  return router;
}
