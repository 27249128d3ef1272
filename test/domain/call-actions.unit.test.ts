import { describe, expect, test } from 'vitest';
import { decide, newCallState, withCallMessage, withTicket, type CallState } from '../../domain/decisions.ts';
import { LIMITS, play } from '../support/call-driver.ts';
import { answeredBy, direct, missed } from '../support/incoming-scenarios.ts';
import { ANNA, OURS, Script, T0 } from '../support/leg-events.ts';
import { callback } from '../support/outgoing-scenarios.ts';
import { abandoned } from '../support/transfer-scenarios.ts';

describe('an agent’s action', () => {
  test.each(['create_ticket', 'link_ticket', 'save_draft', 'identify_customer', 'create_customer'] as const)(
    '%s is carried out at once, during the talk',
    (action) => {
      const { script } = answeredBy(ANNA);
      script.pass(10).acts('anna', action, { conversationId: 'call.1' });
      const played = play(script.messages, { until: T0 + 20_000 });
      expect(played.of('act')).toMatchObject([{ action: { action, agentId: 'anna' } }]);
      expect(played.secondsOf('act')).toEqual([15]);
    },
  );

  test('is carried out once, however often it comes', () => {
    const { script } = answeredBy(ANNA);
    for (let times = 0; times < 3; times++) script.acts('anna', 'create_ticket', { actionId: 'same' });
    expect(play(script.messages).of('act')).toHaveLength(1);
  });

  test('of another agent under the same id is another action', () => {
    const { script } = answeredBy(ANNA);
    script.acts('anna', 'save_draft', { actionId: 'same' }).acts('boris', 'save_draft', { actionId: 'same' });
    expect(play(script.messages).of('act')).toHaveLength(2);
  });

  test('after the end of the call is carried out as well, and the call is finished again', () => {
    const script = direct();
    script.pass(3_600).acts('anna', 'create_ticket', { conversationId: 'call.1', hasText: true });
    const played = play(script.messages);
    expect(played.secondsOf('act')).toEqual([3_665]);
    expect(played.of('settle_talk')).toHaveLength(1);
  });

  test('comes after what is known of the call, and before the talk is settled', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(20);
    leg.ends();
    script.pass(2).acts('anna', 'save_draft', { conversationId: 'call.1', hasText: true });
    const types = play(script.messages).steps.map((step) => step.decisions.map((decision) => decision.type));
    expect(types.flat().indexOf('act')).toBeLessThan(types.flat().indexOf('settle_talk'));
  });

  test('at the same moment as the events it answers comes after them', () => {
    const { script } = answeredBy(ANNA);
    script.acts('anna', 'create_ticket', { conversationId: 'call.1' });
    const played = play(script.messages, { decidesAfter: (index) => index === 2 });
    expect(played.steps[0]?.decisions.map((decision) => decision.type)).toEqual(['project', 'act']);
  });
});

describe('hanging up', () => {
  test('is for the leg on which the agent talks', () => {
    const { script } = answeredBy(ANNA);
    script.acts('anna', 'hang_up');
    expect(play(script.messages, { until: T0 + 20_000 }).errands).toMatchObject([{ type: 'hang_up', legId: 'A' }]);
  });

  test('of a callback is for the leg that rings, the agent’s or the customer’s', () => {
    const { messages } = callback({ command: OURS, pickedUp: true, answered: true });
    const hangUpAfter = (count: number): string | undefined => {
      const script = new Script();
      for (const message of messages.slice(0, count)) script.add(message);
      script.acts('anna', 'hang_up');
      const [errand] = play(script.messages, { until: T0 + 1 }).errands;
      return errand?.type === 'hang_up' ? errand.legId : undefined;
    };
    expect([hangUpAfter(1), hangUpAfter(2), hangUpAfter(4), hangUpAfter(5)]).toEqual(['L1', 'L1', 'L2', 'L2']);
  });

  test('when nothing of the agent’s is open any more is answered with call_over', () => {
    const script = missed();
    script.acts('anna', 'hang_up');
    expect(play(script.messages).of('answer_action')).toMatchObject([{ code: 'call_over' }]);
  });

  test('by somebody who has no part in the call is answered with call_over', () => {
    const { script } = answeredBy(ANNA);
    script.acts('vera', 'hang_up');
    const played = play(script.messages, { until: T0 + 20_000 });
    expect(played.errands).toEqual([]);
    expect(played.of('answer_action')).toMatchObject([{ code: 'call_over' }]);
  });
});

describe('S7 a callback called off before it rang', () => {
  const after = (state: CallState, count: number): CallState =>
    callback({ command: OURS, pickedUp: true, answered: true })
      .messages.slice(0, count)
      .reduce((folded, message) => withCallMessage(folded, message, message.receivedAt), state);

  test('S7 is hung up as soon as it appears, each leg once', () => {
    const cancelled = { ...newCallState('call'), cancelled: true };
    const first = decide(after(cancelled, 1), LIMITS, T0);
    expect(first.errands).toEqual([{ type: 'hang_up', action: null, legId: 'L1' }]);
    expect(decide(first.state, LIMITS, T0).errands).toEqual([]);
    const second = decide(after(first.state, 4), LIMITS, T0 + 5_000);
    expect(second.errands).toEqual([{ type: 'hang_up', action: null, legId: 'L2' }]);
  });
});

describe('the call’s state', () => {
  test('remembers each ticket once', () => {
    const state = withTicket(withTicket(withTicket(newCallState('call'), '7'), '8'), '7');
    expect(state.tickets).toEqual(['7', '8']);
  });

  test('goes through JSON at every step', () => {
    expect(() => play(abandoned(true).messages)).not.toThrow();
  });
});
