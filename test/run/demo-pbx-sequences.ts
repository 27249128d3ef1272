import { EXPECTED_OF_TRANSFERS } from './demo-pbx-transfer-sequences.ts';

/** What each scenario sends, in the notation of `inWords`; checked against mango-api §3 by hand. Fields of API v2 included. */
export const EXPECTED: Readonly<Record<string, string>> = {
  ...EXPECTED_OF_TRANSFERS,
  incoming: `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'incoming-menu': `
    A#1 Appeared ivr 79161234567→74950000000
    A#2 Disconnected ivr 79161234567→74950000000 1100
    B#1 Appeared 79161234567→101 <A
    B#2 Connected 79161234567→101 <A
    recording of 101#1 Started B
    B#3 Disconnected 79161234567→101 <A 1110
    recording of 101#2 Completed B 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'incoming-ended-by-operator': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1120
    recording of 101#2 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1120
    events/record/added`,
  'on-hold': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 OnHold 79161234567→101 to.hold_initiator
    A#4 Connected 79161234567→101
    A#5 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  missed: `
    A#1 Appeared 79161234567→101
    A#2 Disconnected 79161234567→101 1110
    summary 1 79161234567→101 not talked 0 1110`,
  'missed-no-answer': `
    A#1 Appeared 79161234567→101
    A#2 Disconnected 79161234567→101 1111
    summary 1 79161234567→101 not talked 0 1111`,
  'missed-busy': `
    A#1 Appeared 79161234567→101
    A#2 Disconnected 79161234567→101 1121
    summary 1 79161234567→101 not talked 0 1121`,
  'missed-rejected': `
    A#1 Appeared 79161234567→101
    A#2 Disconnected 79161234567→101 1122
    summary 1 79161234567→101 not talked 0 1122`,
  'missed-in-turn': `
    A#1 Appeared 79161234567→101
    A#2 Disconnected 79161234567→101 1111
    B#1 Appeared 79161234567→102
    B#2 Disconnected 79161234567→102 1110
    summary 1 79161234567→101 not talked 0 1110`,
  'ivr-only': `
    A#1 Appeared ivr 79161234567→74950000000
    A#2 Disconnected ivr 79161234567→74950000000 1170
    summary 1 79161234567→? not talked 1 1170`,
  hidden: `
    A#1 Appeared ?→101
    A#2 Connected ?→101
    recording of 101#1 Started A
    A#3 Disconnected ?→101 1110
    recording of 101#2 Completed A 1000 Cloud
    summary 1 ?→101 talked 1 1110
    events/record/added`,
  'hidden-missed': `
    A#1 Appeared ?→101
    A#2 Disconnected ?→101 1110
    summary 1 ?→101 not talked 0 1110`,
  group: `
    A#1 Appeared queue 79161234567→74950000000 group 800
    B#1 Appeared 79161234567→101 <A group 800
    C#1 Appeared 79161234567→102 <A group 800
    D#1 Appeared 79161234567→0103 <A group 800
    B#2 Connected 79161234567→101 <A group 800
    recording of 101#1 Started B
    C#2 Disconnected 79161234567→102 <A group 800 1182
    D#2 Disconnected 79161234567→0103 <A group 800 1182
    A#2 Disconnected queue 79161234567→74950000000 group 800 1100
    B#3 Disconnected 79161234567→101 <A group 800 1110
    recording of 101#2 Completed B 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'sip-line': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'not-recorded': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    A#3 Disconnected 79161234567→101 1110
    summary 1 79161234567→101 talked 1 1110`,
  'recording-too-short': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 4002
    summary 1 79161234567→101 talked 1 1110`,
  'recording-by-mail': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 Mail
    summary 1 79161234567→101 talked 1 1110`,
  'recording-never-arrives': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 CloudAndMail
    summary 1 79161234567→101 talked 1 1110
    events/record/added`,
  'recording-unannounced': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    recording of 101#2 Completed A 1000 Cloud
    summary 1 79161234567→101 talked 1 1110`,
  'recording-never-completed': `
    A#1 Appeared 79161234567→101
    A#2 Connected 79161234567→101
    recording of 101#1 Started A
    A#3 Disconnected 79161234567→101 1110
    summary 1 79161234567→101 talked 1 1110`,
  outgoing: `
    A#1 Appeared 101→79161234567
    A#2 Connected 101→79161234567
    recording of 101#1 Started A
    A#3 Disconnected 101→79161234567 1120
    recording of 101#2 Completed A 1000 Cloud
    summary 2 101→79161234567 talked 1 1120
    events/record/added`,
  'outgoing-unanswered': `
    A#1 Appeared 101→79161234567
    A#2 Disconnected 101→79161234567 1111
    summary 2 101→79161234567 not talked 0 1111`,
  'outgoing-transfer': `
    A#1 Appeared 101→79161234567
    A#2 Connected 101→79161234567
    recording of 101#1 Started A
    A#3 OnHold 101→79161234567 from.hold_initiator
    B#1 Appeared 101→102 <A consultative
    B#2 Connected 101→102 <A consultative
    recording of 101#2 Continued B
    recording of 102#1 Started B
    A#4 Disconnected 101→79161234567 1110 to.was_transferred
    B#3 Connected 79161234567→102 <A blind
    recording of 101#3 Completed B 1000 Cloud
    B#4 Disconnected 79161234567→102 <A blind 1110
    recording of 102#2 Completed B 1000 Cloud
    summary 2 101→79161234567 talked 1 1110
    events/record/added
    events/record/added`,
  callback: `
    A#1 Appeared 79161234567→101 command API
    result/callback 1000
    A#2 Connected 79161234567→101 command API
    A#3 Disconnected 79161234567→101 1100 command API
    B#1 Appeared 101→79161234567 <A command API
    B#2 Connected 101→79161234567 <A command API
    recording of 101#1 Started B
    B#3 Disconnected 101→79161234567 <A 1120 command API
    recording of 101#2 Completed B 1000 Cloud
    summary 2 101→79161234567 talked 1 1120
    events/record/added`,
  'callback-operator-away': `
    A#1 Appeared 79161234567→101 command API
    result/callback 1000
    A#2 Disconnected 79161234567→101 1111 command API
    summary 2 101→79161234567 not talked 0 1111`,
  'callback-no-answer': `
    A#1 Appeared 79161234567→101 command API
    result/callback 1000
    A#2 Connected 79161234567→101 command API
    A#3 Disconnected 79161234567→101 1100 command API
    B#1 Appeared 101→79161234567 <A command API
    B#2 Disconnected 101→79161234567 <A 1111 command API
    summary 2 101→79161234567 not talked 0 1111`,
  'callback-busy': `
    A#1 Appeared 79161234567→101 command API
    result/callback 1000
    A#2 Connected 79161234567→101 command API
    A#3 Disconnected 79161234567→101 1100 command API
    B#1 Appeared 101→79161234567 <A command API
    B#2 Disconnected 101→79161234567 <A 1121 command API
    summary 2 101→79161234567 not talked 0 1121`,
  'callback-refused': `
    A#1 Appeared 79161234567→101 command API
    result/callback 1000
    A#2 Connected 79161234567→101 command API
    A#3 Disconnected 79161234567→101 1100 command API
    B#1 Appeared 101→79161234567 <A command API
    B#2 Disconnected 101→79161234567 <A 1124 command API
    summary 2 101→79161234567 not talked 0 1124`,
  internal: `
    A#1 Appeared 101→102
    A#2 Connected 101→102
    recording of 101#1 Started A
    recording of 102#1 Started A
    A#3 Disconnected 101→102 1120
    recording of 101#2 Completed A 1000 Cloud
    recording of 102#2 Completed A 1000 Cloud
    summary 0 101→102 talked 1 1120
    events/record/added
    events/record/added`,
};
