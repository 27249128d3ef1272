import { pipeline } from 'node:stream/promises';
import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import { createDiskStore } from '../../activities/recordings/disk-store.ts';
import { recordingDirectory, type RecordingStore } from '../../activities/recordings/store.ts';
import { recordAudit, recordLook } from '../../db/audit.ts';
import { findRecordingForAgent, type RecordingRow } from '../../db/recordings.ts';
import { parseByteRange } from '../byte-range.ts';
import { uuid } from '../contract/common.ts';
import type { ApiDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { createRouter, route, SENT, type Route } from '../route.ts';

const EXTENSION: Readonly<Record<string, string>> = { 'audio/mpeg': 'mp3', 'audio/wav': 'wav', 'audio/ogg': 'ogg' };

/** The row and its file, or the refusal that says which is missing. */
async function findAudio(store: RecordingStore, row: RecordingRow | undefined): Promise<{ row: RecordingRow; size: number }> {
  if (!row) throw new ProblemError('recording_not_found');
  if (row.state === 'pending') throw new ProblemError('recording_not_ready', { retryAfterSeconds: 60 });
  const size = row.state === 'ready' ? await store.size(row.id) : null;
  if (size === null) throw new ProblemError('recording_unavailable');
  return { row, size };
}

function setHeaders(response: Response, row: RecordingRow, asFile: boolean): void {
  const name = `recording-${row.id.slice(0, 8)}.${EXTENSION[row.content_type ?? ''] ?? 'bin'}`;
  response.set({
    'Content-Type': row.content_type ?? 'application/octet-stream',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'private, no-store',
    'Content-Disposition': `${asFile ? 'attachment' : 'inline'}; filename="${name}"`,
    'Accept-Ranges': 'bytes',
    ETag: `"${row.sha256}"`,
  });
}

/** A changed file must not be pieced together from two: then the whole is sent (RFC 9110, 13.1.5). */
function rangeHeader(request: Request, row: RecordingRow): string | undefined {
  const condition = request.get('if-range');
  return condition === undefined || condition === `"${row.sha256}"` ? request.get('range') : undefined;
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly isWhole: boolean;
}

function requestedPart(request: Request, row: RecordingRow, size: number): Part {
  const range = parseByteRange(rangeHeader(request, row), size);
  switch (range.kind) {
    case 'unsatisfiable':
      throw new ProblemError('range_not_satisfiable', { headers: { 'Content-Range': `bytes */${size}` } });
    case 'whole':
      return { start: 0, end: size - 1, isWhole: true };
    case 'part':
      return { start: range.start, end: range.end, isWhole: false };
  }
}

function announcePart(response: Response, part: Part, size: number): void {
  if (!part.isWhole) response.status(206).set('Content-Range', `bytes ${part.start}-${part.end}/${size}`);
  response.set('Content-Length', String(part.end - part.start + 1));
}

async function sendPart(store: RecordingStore, response: Response, row: RecordingRow, part: Part): Promise<void> {
  try {
    await pipeline(await store.open(row.id, part), response);
  } catch (error) {
    // A listener who goes away is nobody's failure.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

const recordingRoute = route({
  method: 'get',
  path: '/api/recordings/{id}',
  summary: 'The audio of a recording, for those who may see its ticket; single byte ranges',
  tag: 'Recordings',
  access: 'agent',
  params: z.strictObject({ id: uuid }),
  query: z.strictObject({ download: z.string().max(8).optional() }),
  response: null,
  problems: ['recording_not_found', 'recording_not_ready', 'recording_unavailable', 'range_not_satisfiable'],
  handle: async ({ deps, agent, params, query, request, response, address }) => {
    const store = createDiskStore(recordingDirectory(deps.config.dataDir));
    const { row, size } = await findAudio(store, await findRecordingForAgent(deps.db, params.id, agent));
    const part = requestedPart(request, row, size);
    const isHead = request.method === 'HEAD';
    // One listening is many ranges: the one that begins it stands for all, and whatever is heard stands there. Who cannot be recorded does
    // not hear.
    const heard = { agentId: agent.agentId, address, action: 'recording.heard', subject: row.id } as const;
    if (!isHead) await (part.start === 0 ? recordAudit(deps.db, heard) : recordLook(deps.db, heard));
    setHeaders(response, row, query.download !== undefined);
    announcePart(response, part, size);
    if (isHead) response.end();
    else await sendPart(store, response, row, part);
    return SENT;
  },
});

export const recordingRoutes: readonly Route[] = [{ ...recordingRoute, status: 200, contentType: 'audio/mpeg' }];

export const createRecordingsRouter = (deps: ApiDeps): Router => createRouter(deps, recordingRoutes);
