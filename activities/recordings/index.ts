import { addAbortSignal, pipeline, type Readable } from 'node:stream';
import { asyncLocalStorage } from '@temporalio/activity';
import type { Db } from '../../db/pool.ts';
import { inTransaction } from '../../db/pool.ts';
import type { Logger } from '../../db/log.ts';
import {
  beginFetch,
  noteReason,
  recordingStates,
  settleRecording,
  type RecordingReason,
  type RecordingRow,
} from '../../db/recordings.ts';
import type { FetchOutcome } from '../../workflows/steps.ts';
import { OutboundError } from '../outbound-http.ts';
import type { Refusal, TelephonyPort } from '../telephony/port.ts';
import { AudioProbe, NotAudioError } from './audio.ts';
import { createDiskStore } from './disk-store.ts';
import { describeStream, DiskFullError, recordingDirectory, type RecordingStore } from './store.ts';

export interface RecordingDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly telephony: { forIntegration(integrationId: string): TelephonyPort };
  readonly dataDir: string;
  /** The disk under `dataDir` unless something else is given. */
  readonly store?: RecordingStore;
}

export interface RecordingSteps {
  /** Fetches, keeps and marks one recording. Done again, it finds what it did: the file under the row's id, the row ready. */
  fetchRecording(input: { readonly recordingRowId: string }): Promise<FetchOutcome>;
  /** Clears what died half-way; a whole file whose row does not know of it is taken up. */
  sweepRecordings(input?: { readonly olderThanMs?: number }): Promise<{ readonly removed: number; readonly adopted: number }>;
}

type Verdict = { readonly final: boolean; readonly reason: RecordingReason };

const SWEPT_AFTER_MS = 3_600_000;
/** A page instead of audio may be an outage's, but not for ever. */
const NOT_AUDIO_ATTEMPTS = 3;

export function createRecordingSteps(deps: RecordingDeps): RecordingSteps {
  const { db, log } = deps;
  const store = deps.store ?? createDiskStore(recordingDirectory(deps.dataDir));

  async function settleReady(id: string, probe: AudioProbe, stored: { bytes: number; sha256: string }): Promise<FetchOutcome> {
    const isWanted = await inTransaction(db, (trx) => settleRecording(trx, { id, state: 'ready', ...probe.result, ...stored }));
    if (!isWanted) {
      await store.remove(id);
      return { state: 'settled' };
    }
    log.info({ recordingRowId: id, bytes: stored.bytes }, 'Recording is ready');
    return { state: 'settled' };
  }

  async function settleVerdict(row: RecordingRow, verdict: Verdict): Promise<FetchOutcome> {
    log.info({ recordingRowId: row.id, ...verdict, attempts: row.attempts + 1 }, 'Recording could not be fetched');
    if (verdict.final) {
      await inTransaction(db, (trx) => settleRecording(trx, { id: row.id, state: 'unavailable', reason: verdict.reason }));
      return { state: 'settled' };
    }
    await noteReason(db, row.id, verdict.reason);
    return { state: 'retry', reason: verdict.reason };
  }

  async function download(row: RecordingRow, source: Readable, signal: AbortSignal | undefined): Promise<FetchOutcome> {
    const probe = probed(signal ? addAbortSignal(signal, source) : source);
    try {
      return await settleReady(row.id, probe, await store.save(row.id, probe));
    } catch (error) {
      const verdict = verdictOnFailure(error, row);
      if (!verdict || signal?.aborted) throw error;
      return settleVerdict(row, verdict);
    }
  }

  /** The file is whole, but whoever saved it died before saying so. */
  async function adopt(id: string): Promise<FetchOutcome> {
    const probe = probed(await store.open(id));
    return settleReady(id, probe, await describeStream(probe));
  }

  return {
    async fetchRecording({ recordingRowId }) {
      const attempt = asyncLocalStorage.getStore();
      try {
        const row = await beginFetch(db, recordingRowId);
        if (!row?.recording_id || row.state === 'ready') return { state: 'settled' };
        if ((await store.size(row.id)) !== null) return await adopt(row.id);
        const signal = attempt?.cancellationSignal;
        const port = deps.telephony.forIntegration(row.integration_id);
        const answer = await port.openRecording(row.recording_id, signal ? { signal } : {});
        if (answer.outcome !== 'accepted') return await settleVerdict(row, verdictOnRefusal(answer));
        return await download(row, answer.value.stream, signal);
      } catch (error) {
        // A worker that stops leaves the rest to another one, at once.
        throw attempt?.cancellationSignal.aborted ? attempt.cancellationSignal.reason : error;
      }
    },

    async sweepRecordings({ olderThanMs = SWEPT_AFTER_MS } = {}) {
      let [removed, adopted] = [0, 0];
      for await (const id of store.sweep(olderThanMs)) {
        const row = (await recordingStates(db, [id])).get(id);
        if (!row || row.removed_at) removed += (await store.remove(id)) ? 1 : 0;
        else if (row.state !== 'ready') {
          await adopt(id);
          adopted += 1;
        }
      }
      if (removed + adopted > 0) log.info({ removed, adopted }, 'Recordings swept');
      return { removed, adopted };
    },
  };
}

/** The source as it passes the probe; whichever fails takes the other along. */
function probed(source: Readable): AudioProbe {
  return pipeline(source, new AudioProbe(), () => undefined) as AudioProbe;
}

const LATER: Verdict = { final: false, reason: 'pbx_unreachable' };

function verdictOnRefusal(refusal: Refusal): Verdict {
  if (refusal.outcome !== 'refused') return LATER;
  switch (refusal.word) {
    case 'recording_too_short':
      return { final: true, reason: 'too_short' };
    case 'recording_not_found':
    case 'file_not_found':
      return { final: false, reason: 'not_found' };
    case 'address_forbidden':
      return { final: true, reason: 'refused' };
    // Somebody will correct key, salt or address, or switch the service on in the account.
    case 'bad_key':
    case 'bad_signature':
    case 'access_denied':
    case 'not_configured':
    case 'service_not_enabled':
    case 'operators_failed':
      return { final: false, reason: 'refused' };
    default:
      return refusal.code === null || refusal.code >= 5000 ? LATER : { final: true, reason: 'refused' };
  }
}

function verdictOnFailure(error: unknown, row: RecordingRow): Verdict | null {
  if (error instanceof NotAudioError) return { final: row.attempts + 1 >= NOT_AUDIO_ATTEMPTS, reason: 'not_audio' };
  if (error instanceof DiskFullError) return { final: false, reason: 'disk_full' };
  if (error instanceof OutboundError) return error.kind === 'too_large' ? { final: true, reason: 'too_large' } : LATER;
  return null;
}
