import { computed, shallowRef } from 'vue';
import { client } from '../client.ts';
import type { Agent } from '../contract.ts';

const all = shallowRef<Agent[] | null>(null);
let asking: Promise<void> | null = null;

async function read(): Promise<void> {
  try {
    all.value = (await client.agents.list()).items;
  } catch {
    // Names are an aid here; the next page that needs them asks again.
  } finally {
    asking = null;
  }
}

/** Everybody who can be made responsible for a ticket; read once and shared. */
export function useAgents() {
  if (!all.value) asking ??= read();
  return {
    /** False until the names are here. */
    known: computed(() => all.value !== null),
    agents: computed(() => (all.value ?? []).filter((agent) => agent.active)),
    reload: () => (asking ??= read()),
  };
}
