import { limitBody, OutboundError, type BodyLimits } from '../../outbound-http.ts';
import type { Answer, RecordingAudio } from '../port.ts';
import type { MangoClient } from './client.ts';

export interface DownloadLimits extends BodyLimits {
  readonly answerWithinMs: number;
}

export const DOWNLOAD_LIMITS: DownloadLimits = {
  answerWithinMs: 10_000,
  maxBytes: 200 * 1024 * 1024,
  withinMs: 9 * 60_000,
  minBytesPerWindow: 16 * 1024,
  windowMs: 20_000,
};

/** Nobody waits for a recording as for a call: a burst of them stands in line. */
const PATIENCE_MS = 30_000;

/**
 * Asks for the one-time link and follows it at once: it dies after the first access, so it is neither stored nor handed on
 * (mango-api §4.6). Neither key nor signature go to where the link points.
 */
export async function openRecording(
  client: MangoClient,
  recordingId: string,
  limits: DownloadLimits,
  signal?: AbortSignal,
): Promise<Answer<RecordingAudio>> {
  if (recordingId === '' || Buffer.byteLength(recordingId) > 128)
    return { outcome: 'refused', code: null, word: 'recording_not_found' };
  const first = await client.open(
    {
      path: '/vpbx/queries/recording/post',
      group: 'recording',
      params: { recording_id: recordingId, action: 'download' },
      patienceMs: PATIENCE_MS,
    },
    signal,
  );
  if (first.outcome !== 'accepted') return first;
  try {
    const answer = await client.outbound.follow(first.value, { answerWithinMs: limits.answerWithinMs, signal });
    if (answer.status !== 200) {
      answer.body.destroy();
      const gone = answer.status === 404 || answer.status === 410;
      return gone ? { outcome: 'refused', code: null, word: 'recording_not_found' } : { outcome: 'unknown', word: 'answer_lost' };
    }
    return {
      outcome: 'accepted',
      value: {
        stream: limitBody(answer, limits),
        contentType: answer.headers['content-type'] ?? null,
        bytes: Number(answer.headers['content-length'] ?? Number.NaN) || null,
      },
    };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return error.kind === 'forbidden'
      ? { outcome: 'refused', code: null, word: 'address_forbidden' }
      : { outcome: 'unknown', word: 'answer_lost' };
  }
}
