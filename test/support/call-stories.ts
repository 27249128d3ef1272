import type { CommandRef, Party } from '../../domain/messages.ts';
import { CUSTOMER, FOREIGN, HIDDEN, OURS, Script, T0, type LegPart, type ScriptLeg, type ScriptRecording } from './leg-events.ts';
import { isMapped, PARTIES, type Expected, type Move, type Opening, type Person, type RingBack, type Story } from './story.ts';

interface Span {
  readonly talker: Person;
  seconds: number;
  readonly recordings: string[];
}

interface Talk {
  readonly leg: ScriptLeg;
  readonly talker: Person;
  readonly since: number;
  readonly span: Span;
  readonly recording: ScriptRecording | null;
}

/** Plays a story as the PBX would tell it, and keeps beside it what really happened. */
export class StoryTeller {
  readonly script = new Script();
  private readonly spans: Span[] = [];
  private rung: Person[] = [];
  private notPickedUp = false;
  private attemptBy: Person | null = null;
  private legs = 0;
  private recordings = 0;
  private pauseIndex = 0;
  private readonly customer: Party;

  constructor(private readonly story: Story) {
    this.customer = story.hidden && story.opening.kind === 'incoming' ? HIDDEN : CUSTOMER;
  }

  tell(): this {
    let talk = this.open();
    for (const move of this.story.moves) {
      if (!talk || talk.talker === 'friend') break;
      this.pause();
      talk = this.make(move, talk);
    }
    if (talk) {
      this.pause();
      this.hangUp(talk);
    }
    this.summarise();
    return this;
  }

  get expected(): Expected {
    const { kind } = this.story.opening;
    const direction = kind === 'incoming' || kind === 'internal' ? kind : 'outgoing';
    if (kind === 'internal') return { direction, conversations: [], missedBy: null, notPickedUp: false };
    const groups = this.spans.reduce<Span[][]>((all, span) => {
      const last = all.at(-1);
      if (last?.[0]?.talker === span.talker) last.push(span);
      else all.push([span]);
      return all;
    }, []);
    const waitingFor = (talker: Person | undefined): string[] => [
      ...new Set(this.rung.filter((person) => isMapped(person) && person !== talker)),
    ];
    const conversations = groups.flatMap((group, index) => {
      const talker = group[0]?.talker;
      if (!talker || !isMapped(talker)) return [];
      const next = groups[index + 1]?.[0]?.talker;
      return [
        {
          agentId: talker,
          outcome: 'talked' as const,
          handedOverTo: next ? (isMapped(next) ? [next] : []) : waitingFor(talker),
          talkSeconds: group.reduce((sum, span) => sum + span.seconds, 0),
          recordings: group.flatMap((span) => span.recordings).sort(),
        },
      ];
    });
    const last = this.spans.at(-1)?.talker;
    const missed = last ? (isMapped(last) ? waitingFor(last) : []) : direction === 'incoming' ? waitingFor(undefined) : [];
    const attempt = this.attemptBy && isMapped(this.attemptBy) ? this.attemptBy : null;
    return {
      direction,
      conversations: attempt
        ? [{ agentId: attempt, outcome: 'unanswered', handedOverTo: [], talkSeconds: null, recordings: [] }]
        : conversations,
      missedBy: missed.length > 0 ? missed.sort() : null,
      notPickedUp: this.notPickedUp,
    };
  }

  private open(): Talk | null {
    const { opening } = this.story;
    switch (opening.kind) {
      case 'incoming':
        return this.comeIn(opening);
      case 'softphone':
        return this.dial(opening.by, opening.answered, null, null);
      case 'callback':
        return this.callBack(opening);
      case 'internal': {
        const leg = this.leg({ from: PARTIES.anna, to: PARTIES.boris }).appears();
        this.pause();
        leg.connects();
        this.pause();
        leg.ends();
        return null;
      }
    }
  }

  private comeIn({ menu, queue, rounds }: Extract<Opening, { kind: 'incoming' }>): Talk | null {
    let takenFrom: string | null = null;
    if (menu) {
      const leg = this.leg({ location: 'menu', from: this.customer }).appears();
      this.pause();
      leg.ends();
      takenFrom = leg.legId;
    }
    const waiting = queue ? this.leg({ location: 'queue', from: this.customer, takenFrom }).appears() : null;
    takenFrom = waiting?.legId ?? takenFrom;
    for (const round of rounds) {
      const people = round.members.flatMap(({ who, devices }) => (devices === 2 ? [who, who] : [who]));
      const talk = this.ring(people, round.answeredBy, { from: this.customer, takenFrom }, null);
      if (!talk) continue;
      waiting?.ends();
      return talk;
    }
    waiting?.ends();
    return null;
  }

  /** Rings all of them at once; whoever answers has the customer from then on. */
  private ring(people: readonly Person[], answeredBy: number | null, part: LegPart, recording: null): Talk | null {
    const legs = people.map((who) => this.leg({ ...part, to: PARTIES[who] }).appears());
    this.rung.push(...people);
    this.pause();
    const winner = answeredBy === null ? undefined : people[answeredBy % people.length];
    const won = winner === undefined ? undefined : legs[people.indexOf(winner)];
    if (won) won.connects({ from: this.customer });
    for (const leg of legs) if (leg !== won) leg.ends({ reason: 1111 });
    return won && winner ? this.talk(won, winner, recording) : null;
  }

  private dial(by: Person, answered: boolean, takenFrom: string | null, command: CommandRef | null): Talk | null {
    const leg = this.leg({ from: PARTIES[by], to: CUSTOMER, takenFrom, command }).appears();
    this.pause();
    if (answered) {
      leg.connects();
      return this.talk(leg, by, null);
    }
    leg.ends({ reason: 1111 });
    this.attemptBy = by;
    return null;
  }

  private callBack({ ours, pickedUp, answered }: Extract<Opening, { kind: 'callback' }>): Talk | null {
    const command = ours ? OURS : FOREIGN;
    const leg = this.leg({ from: CUSTOMER, to: PARTIES.anna, command }).appears();
    this.pause();
    if (pickedUp) leg.connects();
    leg.ends({ reason: pickedUp ? 1000 : 1111 });
    if (!pickedUp) this.notPickedUp = ours;
    else if (answered === null) this.attemptBy = 'anna';
    return pickedUp && answered !== null ? this.dial('anna', answered, leg.legId, command) : null;
  }

  private make(move: Move, talk: Talk): Talk | null {
    switch (move.kind) {
      case 'hold':
        talk.leg.holds();
        this.pause();
        talk.leg.connects();
        return talk;
      case 'consult':
        return move.target === talk.talker ? talk : this.consult(move, talk);
      case 'release':
        return move.target === talk.talker ? talk : this.release(move, talk);
      case 'blind': {
        const targets = move.targets.filter((target) => target !== talk.talker);
        return targets.length === 0 ? talk : this.sendOn({ ...move, targets }, talk);
      }
    }
  }

  private consult({ target, answered, then }: Extract<Move, { kind: 'consult' }>, talk: Talk): Talk | null {
    talk.leg.holds();
    const part = { from: PARTIES[talk.talker], to: PARTIES[target], takenFrom: talk.leg.legId, ...this.mark('consultative') };
    const leg = this.leg(part).appears();
    this.pause();
    let recording: ScriptRecording | null = null;
    if (answered) {
      leg.connects();
      talk.recording?.continues(leg);
      recording = this.record(leg, target);
      this.pause();
    }
    if (then === 'complete' && answered) {
      this.hangUp(talk);
      leg.connects({ from: this.customer, ...this.mark('blind') });
      return this.talk(leg, target, recording);
    }
    if (then === 'customer leaves') {
      this.hangUp(talk);
      this.pause();
      leg.ends();
      recording?.completes(leg).isStored();
      return null;
    }
    leg.ends();
    recording?.completes(leg).isStored();
    talk.leg.connects();
    return talk;
  }

  private release({ target, answered, back, named }: Extract<Move, { kind: 'release' }>, talk: Talk): Talk | null {
    talk.leg.holds();
    const takenFrom = talk.leg.legId;
    const part = {
      from: PARTIES[talk.talker],
      to: PARTIES[target],
      takenFrom: named ? takenFrom : null,
      ...this.mark('consultative'),
    };
    const leg = this.leg(part).appears();
    this.pause();
    this.hangUp(talk);
    leg.appears({ from: this.customer, takenFrom, ...this.mark('blind') });
    this.rung.push(target);
    this.pause();
    if (answered) {
      leg.connects();
      return this.talk(leg, target, null);
    }
    leg.ends({ reason: 1111 });
    return this.ringBack(back, talk.talker, leg);
  }

  private sendOn({ targets, queue, answeredBy, back }: Extract<Move, { kind: 'blind' }>, talk: Talk): Talk | null {
    this.hangUp(talk);
    const waiting = queue
      ? this.leg({ location: 'queue', from: this.customer, takenFrom: talk.leg.legId, ...this.mark('blind') }).appears()
      : null;
    const asDrawn = this.story.fields === 'v1' && !queue;
    const part = {
      from: asDrawn ? PARTIES[talk.talker] : this.customer,
      takenFrom: waiting?.legId ?? talk.leg.legId,
      ...(queue ? {} : this.mark('blind')),
    };
    const next = this.ring(targets, answeredBy, { ...part, command: this.story.command ? FOREIGN : null }, null);
    waiting?.ends();
    if (next) return next;
    return this.ringBack(back, talk.talker, talk.leg);
  }

  private ringBack(back: RingBack, who: Person, after: ScriptLeg): Talk | null {
    if (back === 'none') return null;
    const part = { from: this.customer, to: PARTIES[who], takenFrom: after.legId, ...this.mark('return_blind') };
    const leg = this.leg(part).appears();
    this.rung.push(who);
    this.pause();
    if (back === 'answered') {
      leg.connects();
      return this.talk(leg, who, null);
    }
    leg.ends();
    return null;
  }

  private talk(leg: ScriptLeg, talker: Person, recording: ScriptRecording | null): Talk {
    const span: Span = { talker, seconds: 0, recordings: [] };
    this.spans.push(span);
    this.rung = [];
    const own = recording ?? this.record(leg, talker);
    if (own && isMapped(talker)) span.recordings.push(own.recordingId);
    return { leg, talker, since: this.script.now, span, recording: own };
  }

  private hangUp(talk: Talk): void {
    talk.leg.ends({ reason: 1120 });
    talk.span.seconds = (this.script.now - talk.since) / 1000;
    talk.recording?.completes(talk.leg).isStored();
  }

  private record(leg: ScriptLeg, who: Person): ScriptRecording | null {
    if (!this.story.recorded || who === 'friend') return null;
    this.recordings += 1;
    return this.script.recording(`R${this.recordings}`, PARTIES[who]).starts(leg);
  }

  private summarise(): void {
    const { kind } = this.story.opening;
    const talked = this.spans.some((span) => span.talker !== undefined);
    const talkedAt = talked || kind === 'internal' ? this.firstAnswerAt() : null;
    if (kind === 'internal') {
      this.script.summary({ direction: 'internal', from: PARTIES.anna, to: PARTIES.boris, talkedAt });
      return;
    }
    if (kind !== 'incoming') {
      const by = this.story.opening.kind === 'softphone' ? PARTIES[this.story.opening.by] : PARTIES.anna;
      this.script.summary({ direction: 'outgoing', from: by, to: CUSTOMER, talkedAt });
      return;
    }
    const who = this.spans.at(-1)?.talker ?? this.rung[0];
    this.script.summary({ from: this.customer, to: who ? PARTIES[who] : { kind: 'machine' }, talkedAt });
  }

  private firstAnswerAt(): number {
    const first = this.script.messages.find(
      (message) => message.type === 'leg' && message.state === 'connected' && !(this.isCallback && message.legId === 'L1'),
    );
    return first?.type === 'leg' ? first.at : T0;
  }

  private get isCallback(): boolean {
    return this.story.opening.kind === 'callback';
  }

  private leg(part: LegPart): ScriptLeg {
    this.legs += 1;
    return this.script.leg(`L${this.legs}`, part);
  }

  private mark(transfer: 'consultative' | 'blind' | 'return_blind') {
    return this.story.fields === 'v2' ? { transfer } : {};
  }

  private pause(): void {
    const { pauses } = this.story;
    this.script.pass(pauses[this.pauseIndex % pauses.length] ?? 3);
    this.pauseIndex += 1;
  }
}
