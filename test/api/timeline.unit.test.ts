import { expect, test } from 'vitest';
import { timelineOf, type TimelineParts } from '../../api/present/timeline.ts';

test.each([
  ['the ringing', ['card_ringing', 'card_gone'], ['S1', 'S1']],
  ['the talk', ['card_ringing', 'card_talking', 'card_gone'], ['S1', 'S2', 'talk_over']],
  ['each in its turn', ['card_talking', 'card_gone', 'card_ringing', 'card_gone'], ['S2', 'talk_over', 'S1', 'S1']],
])('a card that goes says what it went with: %s', (_, steps, rules) => {
  const decisions = steps.map((what, at) => ({
    ...{ id: String(at), at: new Date(at), what, rule: what === 'card_talking' ? 'S2' : 'S1' },
    ...{ inbox_id: null, agent_id: 'a', agent_name: 'Анна' },
  }));
  const nothing = { events: [], tickets: [], actions: [], commands: [], recordings: [] };
  const call = { command_id: null, command_state: null, command_code: null, ended_at: null } as TimelineParts['call'];
  const entries = timelineOf({ ...nothing, call, decisions });
  expect(entries.map((entry) => 'rule' in entry && entry.rule)).toEqual(rules);
});
