import { addAbortSignal, pipeline, type Readable } from 'node:stream';
import { asyncLocalStorage } from '@temporalio/activity';
import type { Db } from '../../db/pool.ts';
import { inTransaction } from '../../db/pool.ts';
import type { Logger } from '../../db/log.ts';
import {
  beginFetch,
  fetchable,
  noteReason,
  recordingStates,
  settleRecording,
  type RecordingReason,
  type RecordingRow,
  type RecordingToFetch,
} from '../../db/recordings.ts';
import type { FetchOutcome, FetchRefusal, PbxSteps } from '../../workflows/steps.ts';
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
  /** How long `fetchRecordingAtOnce` may take; a second. */
  readonly atOnceMs?: number;
}

export interface RecordingSteps {
  /** Fetches, keeps and marks one recording. Done again, it finds what it did: the file under the row's id, the row ready. */
  fetchRecording: PbxSteps['fetchRecording'];
  /**
   * The same, if it takes no more than `AT_ONCE_MS` and only a few others are at it. Whatever goes wrong is neither counted nor said: `fetchRecording`
   * comes next, with what the PBX has answered, as many a question that it refuses locks the account out (mango-api §1.4).
   */
  fetchRecordingAtOnce: PbxSteps['fetchRecordingAtOnce'];
  /** Clears what died half-way; a whole file whose row does not know of it is taken up. */
  sweepRecordings(input?: { readonly olderThanMs?: number }): Promise<{ readonly removed: number; readonly adopted: number }>;
}

/** What `fetchRecordingAtOnce` was told goes through the workflow's history to `fetchRecording`. */
type Verdict = FetchRefusal & { readonly reason: RecordingReason };
const NOT_AT_ONCE = { state: 'not_at_once' } as const;

/** What an agent does meanwhile waits; and a workflow's task may take ten seconds, of which the step before may have used some. */
const AT_ONCE_MS = 1_000;
/** Each keeps a workflow's task; most of them are for calls that go on. */
const MOST_AT_ONCE = 8;
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

  async function keep(row: RecordingRow, source: Readable, signal: AbortSignal | undefined): Promise<FetchOutcome> {
    const probe = probed(signal ? addAbortSignal(signal, source) : source);
    return settleReady(row.id, probe, await store.save(row.id, probe));
  }

  async function keepOrSay(row: RecordingRow, source: Readable, signal: AbortSignal | undefined): Promise<FetchOutcome> {
    try {
      return await keep(row, source, signal);
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

  async function fetchOne<Other>(
    row: RecordingToFetch | null,
    signal: AbortSignal | undefined,
    ways: { readonly keep: typeof keep; readonly refused: (row: RecordingRow, refusal: Refusal) => Promise<Other> },
  ): Promise<FetchOutcome | Other> {
    if (!row?.recording_id || row.state === 'ready') return { state: 'settled' };
    if ((await store.size(row.id)) !== null) return adopt(row.id);
    const port = deps.telephony.forIntegration(row.integration_id);
    const answer = await port.openRecording(row.recording_id, signal ? { signal } : {});
    return answer.outcome === 'accepted' ? ways.keep(row, answer.value.stream, signal) : ways.refused(row, answer);
  }

  let underWayAtOnce = 0;

  return {
    async fetchRecording({ recordingRowId, refused }) {
      if (refused) {
        const row = await beginFetch(db, recordingRowId);
        return row && row.state !== 'ready' ? settleVerdict(row, refused as Verdict) : { state: 'settled' };
      }
      const attempt = asyncLocalStorage.getStore();
      try {
        const signal = attempt?.cancellationSignal;
        return await fetchOne(await beginFetch(db, recordingRowId), signal, {
          keep: keepOrSay,
          refused: (row, refusal) => settleVerdict(row, verdictOnRefusal(refusal)),
        });
      } catch (error) {
        // A worker that stops leaves the rest to another one, at once.
        throw attempt?.cancellationSignal.aborted ? attempt.cancellationSignal.reason : error;
      }
    },

    async fetchRecordingAtOnce({ recordingRowId }) {
      if (underWayAtOnce >= MOST_AT_ONCE) return NOT_AT_ONCE;
      underWayAtOnce += 1;
      const tooLate = AbortSignal.timeout(deps.atOnceMs ?? AT_ONCE_MS);
      const cancelled = asyncLocalStorage.getStore()?.cancellationSignal;
      try {
        const signal = cancelled ? AbortSignal.any([cancelled, tooLate]) : tooLate;
        return await fetchOne(await fetchable(db, recordingRowId), signal, {
          keep,
          refused: async (_row, refusal) =>
            refusal.outcome === 'refused' ? ({ state: 'refused', ...verdictOnRefusal(refusal) } as const) : NOT_AT_ONCE,
        });
      } catch (error) {
        if (!tooLate.aborted) log.info({ recordingRowId, err: error }, 'Recording could not be fetched at once');
        return NOT_AT_ONCE;
      } finally {
        underWayAtOnce -= 1;
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
