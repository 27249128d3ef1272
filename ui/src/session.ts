import { computed, shallowRef } from 'vue';
import { client, Problem, sayNobody } from './client.ts';
import type { Session } from './contract.ts';
import { followActions } from './live/actions.ts';
import { followCalls, forgetCalls, refreshCalls } from './live/calls.ts';
import { followDrafts, leaveDrafts, resumeDrafts } from './live/drafts.ts';
import { onUnsure, startStream, stopStream } from './live/stream.ts';
import { followTabs } from './live/tabs.ts';
import { loadPreferences } from './preferences.ts';

const agent = shallowRef<Session | null>(null);
let asked = false;
/** Why nobody can say who is signed in: the service did not answer. */
export const startProblem = shallowRef<Problem | null>(null);
let following = false;

export const me = computed(() => agent.value);
export const isAdmin = computed(() => agent.value?.role === 'admin');

function begin(signedIn: Session): void {
  agent.value = signedIn;
  void loadPreferences(signedIn);
  if (!following) {
    following = true;
    followCalls();
    followActions();
    followDrafts();
    followTabs();
    onUnsure(isStillMe);
  }
  startStream(signedIn.id);
  resumeDrafts(signedIn.id);
  void refreshCalls(true).catch(() => undefined);
}

/** The server sets it beside the session's own cookie, which scripts cannot see: without it there is nobody to ask for. */
const HINT = 'trubka_signed_in';
const forgetHint = (): void => void (document.cookie = `${HINT}=; path=/; max-age=0`);

/** Who is signed in, asked of the server once per page load. */
export async function whoAmI(): Promise<Session | null> {
  if (asked || !document.cookie.includes(`${HINT}=`)) return agent.value;
  try {
    begin(await client.session.read());
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    forgetHint();
  }
  asked = true;
  return agent.value;
}

export async function signIn(email: string, password: string, code?: string): Promise<void> {
  begin(await client.session.signIn(email, password, code));
  asked = true;
}

/** Another tab may have signed out, or signed in as somebody else: the session belongs to the browser. */
async function isStillMe(): Promise<boolean> {
  try {
    const { id } = await client.session.read();
    if (!agent.value || id === agent.value.id) return agent.value !== null;
    location.reload();
  } catch (error) {
    // Where nobody answers, nothing is known.
    if (error instanceof Problem && error.status === 401 && agent.value) sayNobody();
  }
  return false;
}

/** Sets the password of an invited agent and signs them in. */
export async function acceptInvitation(token: string, password: string, code?: string): Promise<true> {
  begin(await client.invitations.accept(token, password, code));
  asked = true;
  return true;
}

/** What the server says about me by now: a second factor was set up, or is asked for. */
export async function refreshMe(): Promise<void> {
  agent.value = await client.session.read();
}

/** The session is over: by the agent's wish, or because the server says so. */
export function endSession(): void {
  agent.value = null;
  stopStream();
  leaveDrafts();
  forgetCalls();
}

export async function signOut(): Promise<void> {
  await client.session.signOut();
  endSession();
}
