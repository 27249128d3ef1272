import { sameSignature, signLink } from '../signature.ts';
import type { Switchboard } from '../switchboard.ts';
import type { Params, Reply } from './replies.ts';
import { Refused } from './replies.ts';

export interface LinkParams {
  readonly recordingId: string;
  readonly action: string;
  readonly key: string;
  readonly timestamp: string;
  readonly sign: string;
}

/** `/vpbx/queries/recording/post` (mango-api §4.6): a redirect to a file that can be fetched once. */
export function recordingByPost(params: Params, switchboard: Switchboard, filesUrl: string): Reply {
  const action = params.text('action');
  if (action !== 'download' && action !== 'play') throw new Refused(3104, 'action is download or play');
  return redirectTo(params.text('recording_id'), switchboard, filesUrl);
}

/** The signed GET link; `timestamp` is the moment it expires, in seconds (milliseconds are understood too). */
export function recordingByLink(params: LinkParams, switchboard: Switchboard, filesUrl: string): Reply {
  const { credentials } = switchboard;
  if (params.key !== credentials.key) throw new Refused(3105, 'unknown key');
  const wanted = signLink(params.timestamp, params.recordingId, credentials);
  if (!sameSignature(params.sign, wanted)) throw new Refused(3102, 'the signature does not match');
  const expiry = Number(params.timestamp);
  const seconds = expiry > 1e11 ? expiry / 1000 : expiry;
  if (!Number.isFinite(seconds) || seconds < Date.now() / 1000) throw new Refused(3111, 'the link has expired');
  return redirectTo(params.recordingId, switchboard, filesUrl);
}

function redirectTo(recordingId: string, switchboard: Switchboard, filesUrl: string): Reply {
  const answer = switchboard.shelf.ask(recordingId);
  if ('code' in answer) throw new Refused(answer.code, 'no such recording');
  return { kind: 'redirect', location: `${filesUrl}/${answer.token}` };
}
