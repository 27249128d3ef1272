/** Handing over: mango-api §3.5–3.7, §3.11. The rest of the table of `demo-pbx-sequences.ts`. */
export const EXPECTED_OF_TRANSFERS: Readonly<Record<string, string>> = {
  'transfer-consultative': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→102 <A consultative
    B#2 Connected 101→102 <A consultative
    recording of 101#2 Continued B
    recording of 102#1 Started B
    A#4 Disconnected 79161234567→101 1120 from.was_transferred
    B#3 Connected 79161234567→102 <A blind
    recording of 101#3 Completed B 1000 Cloud
    B#4 Disconnected 79161234567→102 <A blind 1110
    recording of 102#2 Completed B 1000 Cloud
    summary 1 79161234567→102 talked 1 1110
    events/record/added
    events/record/added`,
  'transfer-release': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→102 consultative
    A#4 Disconnected 79161234567→101 1120 from.was_transferred
    B#2 Appeared 79161234567→102 <A blind
    recording of 101#2 Completed A 1000 Cloud
    B#3 Connected 79161234567→102 <A blind
    recording of 102#1 Started B
    B#4 Disconnected 79161234567→102 <A blind 1110
    recording of 102#2 Completed B 1000 Cloud
    summary 1 79161234567→102 talked 1 1110
    events/record/added
    events/record/added`,
  'transfer-blind': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1120 from.was_transferred
    B#1 Appeared 79161234567→102 <A blind
    recording of 101#2 Completed A 1000 Cloud
    B#2 Connected 79161234567→102 <A blind
    recording of 102#1 Started B
    B#3 Disconnected 79161234567→102 <A blind 1110
    recording of 102#2 Completed B 1000 Cloud
    summary 1 79161234567→102 talked 1 1110
    events/record/added
    events/record/added`,
  'transfer-blind-missed': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1120 from.was_transferred
    B#1 Appeared 79161234567→102 <A blind
    recording of 101#2 Completed A 1000 Cloud
    B#2 Disconnected 79161234567→102 <A blind 1110
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'transfer-returned': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1120 from.was_transferred
    B#1 Appeared 79161234567→102 <A blind
    recording of 101#2 Completed A 1000 Cloud
    B#2 Disconnected 79161234567→102 <A blind 1111
    C#1 Appeared 79161234567→101 <B return_blind
    C#2 Connected 79161234567→101 <B return_blind
    recording of 101#1 Started C
    C#3 Disconnected 79161234567→101 <B return_blind 1110
    recording of 101#2 Completed C 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added
    events/record/added`,
  'transfer-returned-missed': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1120 from.was_transferred
    B#1 Appeared 79161234567→102 <A blind
    recording of 101#2 Completed A 1000 Cloud
    B#2 Disconnected 79161234567→102 <A blind 1111
    C#1 Appeared 79161234567→101 <B return_blind
    C#2 Disconnected 79161234567→101 <B return_blind 1111
    summary 1 79161234567→101 talked 1 1111
    events/record/added`,
  'transfer-abandoned': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→102 <A consultative
    B#2 Connected 101→102 <A consultative
    recording of 101#2 Continued B
    recording of 102#1 Started B
    B#3 Disconnected 101→102 <A consultative 1110
    A#4 Connected 79161234567→101
    recording of 101#3 Continued A
    recording of 102#2 Completed B 1000 Cloud
    A#5 Disconnected 79161234567→101 1110
    recording of 101#4 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added
    events/record/added`,
  'transfer-consultation-unanswered': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→102 <A consultative
    B#2 Disconnected 101→102 <A consultative 1111
    A#4 Connected 79161234567→101
    A#5 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'transfer-outside': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→78005550100 <A consultative
    B#2 Connected 101→78005550100 <A consultative
    recording of 101#2 Continued B
    A#4 Disconnected 79161234567→101 1120 from.was_transferred
    B#3 Connected 79161234567→78005550100 <A blind
    recording of 101#3 Completed B 1000 Cloud
    B#4 Disconnected 79161234567→78005550100 <A blind 1110
    summary 1 79161234567→78005550100 talked 1 1110
    events/record/added`,
  'transfer-unmapped': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→104 <A consultative
    B#2 Connected 101→104 <A consultative
    recording of 101#2 Continued B
    recording of 104#1 Started B
    A#4 Disconnected 79161234567→101 1120 from.was_transferred
    B#3 Connected 79161234567→104 <A blind
    recording of 101#3 Completed B 1000 Cloud
    B#4 Disconnected 79161234567→104 <A blind 1110
    recording of 104#2 Completed B 1000 Cloud
    summary 1 79161234567→104 talked 1 1110
    events/record/added
    events/record/added`,
  'there-and-back': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    B#1 Appeared 101→102 <A consultative
    B#2 Connected 101→102 <A consultative
    recording of 101#2 Continued B
    recording of 102#1 Started B
    A#4 Disconnected 79161234567→101 1120 from.was_transferred
    B#3 Connected 79161234567→102 <A blind
    recording of 101#3 Completed B 1000 Cloud
    B#4 OnHold 79161234567→102 <A blind to.hold_initiator
    C#1 Appeared 102→101 <B consultative
    C#2 Connected 102→101 <B consultative
    recording of 102#2 Continued C
    recording of 101#1 Started C
    B#5 Disconnected 79161234567→102 <A blind 1120 from.was_transferred
    C#3 Connected 79161234567→101 <B blind
    recording of 102#3 Completed C 1000 Cloud
    C#4 Disconnected 79161234567→101 <B blind 1110
    recording of 101#2 Completed C 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added
    events/record/added
    events/record/added`,
  'transfer-by-command': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator command
    B#1 Appeared 101→102 <A consultative command
    result/transfer 1000
    B#2 Connected 101→102 <A consultative command
    recording of 101#2 Continued B
    recording of 102#1 Started B
    A#4 Disconnected 79161234567→101 1120 from.was_transferred
    B#3 Connected 79161234567→102 <A blind command
    recording of 101#3 Completed B 1000 Cloud
    B#4 Disconnected 79161234567→102 <A blind 1110 command
    recording of 102#2 Completed B 1000 Cloud
    summary 1 79161234567→102 talked 1 1110
    events/record/added
    events/record/added`,
  'blind-by-command': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#4 Disconnected 79161234567→101 1120 from.was_transferred command
    B#1 Appeared 79161234567→102 <A blind command
    recording of 101#2 Completed A 1000 Cloud
    result/transfer 1000
    B#2 Connected 79161234567→102 <A blind command
    recording of 102#1 Started B
    B#3 Disconnected 79161234567→102 <A blind 1110 command
    recording of 102#2 Completed B 1000 Cloud
    summary 1 79161234567→102 talked 1 1110
    events/record/added
    events/record/added`,
  intercept: `
    A#1 Appeared 79161234567→101
    A#2 Disconnected 79161234567→101 1110
    result/route 1000
    B#1 Appeared 79161234567→102 <A command
    B#2 Connected 79161234567→102 <A command
    recording of 102#1 Started B
    B#3 Disconnected 79161234567→102 <A 1110 command
    recording of 102#2 Completed B 1000 Cloud
    summary 1 79161234567→102 talked 1 1110
    events/record/added`,
  'routed-from-menu': `
    A#1 Appeared ivr 79161234567→74950000000
    A#2 Disconnected ivr 79161234567→74950000000 1110
    result/route 1000
    B#1 Appeared 79161234567→101 <A command
    B#2 Connected 79161234567→101 <A command
    recording of 101#1 Started B
    B#3 Disconnected 79161234567→101 <A 1110 command
    recording of 101#2 Completed B 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
};
