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
  :root { color-scheme: light dark; --text: light-dark(#27272a, #e4e4e7); --soft: light-dark(#52525b, #a1a1aa);
    --line: light-dark(#d4d4d8, #3f3f46); --blue: light-dark(#1d4ed8, #60a5fa); }
  * { box-sizing: border-box; }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0; color: var(--text); background: light-dark(#fafafa, #18181b); }
  main { max-width: 34rem; margin: 12vh auto 0; padding: 1.5rem; border: 1px solid var(--line); border-radius: .5rem;
    background: light-dark(#fff, #202024); }
  h1 { font-size: 1.25rem; margin: 0 0 1rem; }
  form { display: flex; gap: .5rem; }
  input, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .375rem; }
  input { flex: 1; min-width: 0; color: inherit; background: transparent; }
  button { color: #fff; background: #1d4ed8; border-color: transparent; cursor: pointer; }
  p { margin: .75rem 0 0; color: var(--soft); } [role=alert] { color: light-dark(#b91c1c, #fca5a5); } a { color: var(--blue); }
  @media (max-width: 36rem) { main { margin: 1rem; } }
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
