import { computed, shallowRef } from 'vue';
import { client } from '../client.ts';
import type { Agent } from '../contract.ts';
import { on, onResume } from '../live/stream.ts';
import { readOnceMore } from './read-again.ts';

const all = shallowRef<Agent[] | null>(null);

const read = readOnceMore(async () => {
  try {
    all.value = (await client.agents.list()).items;
  } catch {
    // Names are an aid here; the next page that needs them asks again.
  }
});

/** Whoever has asked once hears of every change. */
const readAgain = (): void => void (all.value && read());
on('agents.changed', readAgain);
onResume(readAgain);

/** The teams people belong to, in order of the alphabet. */
export const teamsOf = (agents: readonly Pick<Agent, 'team'>[]): string[] =>
  [...new Set(agents.flatMap(({ team }) => team ?? []))].sort((a, b) => a.localeCompare(b));

/** Everybody who can be made responsible for a ticket; read once and shared. */
export function useAgents() {
  if (!all.value) void read();
  return {
    /** False until the names are here. */
    known: computed(() => all.value !== null),
    agents: computed(() => (all.value ?? []).filter((agent) => agent.active)),
    /** Also those who have left, last: statistics still know them and their teams. */
    everybody: computed(() => all.value ?? []),
    teams: computed(() => teamsOf(all.value ?? [])),
    reload: read,
  };
}
