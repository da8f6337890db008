import type { Delta, LogEntry } from '../kernel/events.js';
import { messageId, parseMessageId } from '../kernel/ids.js';
import type { StreamText } from '../log/stream-texts.js';

/** Most pieces that wait for one that is missing. What is dropped beyond it, the saved text brings. */
const MAX_AHEAD = 1000;

/** In the JSON of every message that is arriving, and of few others: those need not be looked into. */
const STREAMING = '"status":"streaming"';

/** Whom {@link LiveTexts} works for. */
export interface LiveTextsHost {
  /** Takes the next piece. Never throws, never waits. */
  onDelta(delta: Delta): void;
  /** A piece is missing: {@link LiveTexts.repair} is wanted soon. */
  onGap(): void;
}

/** An answer that is arriving, as far as it is known here without a gap. */
interface LiveText {
  readonly id: string;
  readonly agentSessionId: string;
  text: string;
  /** How much of it was passed on, in UTF-16 code units. */
  passed: number;
  /** Its beginning was passed on as an entry of the log. */
  isOpen: boolean;
  /** Pieces behind a gap. */
  ahead: Delta[];
}

/**
 * The answers that are arriving in one log.
 *
 * Promise: for each of them `onDelta` gets pieces that begin where the one before ended, the first at 0, after its message
 * and before its end were passed on as entries; whatever hints are lost, doubled or reordered, as long as
 * {@link repair} is called now and then.
 */
export class LiveTexts {
  private readonly texts = new Map<string, LiveText>();

  constructor(private readonly host: LiveTextsHost) {}

  get size(): number {
    return this.texts.size;
  }

  /** Whether a piece is missing somewhere. */
  get hasGap(): boolean {
    for (const { ahead } of this.texts.values()) if (ahead.length > 0) return true;
    return false;
  }

  /** Those that are arriving when a log begins to be followed. @param head where it is followed from */
  begin(saved: readonly StreamText[], head: number): void {
    for (const one of saved) this.add(messageId(one), one.agentSessionId, one.seq <= head).text = one.text;
    for (const text of this.texts.values()) text.passed = text.isOpen ? text.text.length : 0;
  }

  /** An entry of the log was passed on: the beginning of an answer, or its end. */
  entry({ event, data }: LogEntry): void {
    if (event === 'session' || (this.texts.size === 0 && !data.toString().includes(STREAMING))) return;
    const { id, status, agent_session_id: agentSessionId } = data.parse();
    if (status !== 'streaming') return void this.texts.delete(id);
    const text = this.texts.get(id) ?? this.add(id, agentSessionId, true);
    text.isOpen = true;
    this.pass(text);
  }

  /**
   * A piece has come.
   *
   * @param position where the follower stands: an answer that began before it and is not known here is over
   */
  delta(delta: Delta, position: number): void {
    const known = this.texts.get(delta.message_id);
    const seq = parseMessageId(delta.message_id)?.seq;
    if (!known && (seq === undefined || seq <= position)) return;
    const text = known ?? this.add(delta.message_id, delta.agent_session_id, false);
    if (delta.offset > text.text.length) {
      if (text.ahead.push(delta) > MAX_AHEAD) text.ahead.shift();
      return this.host.onGap();
    }
    this.extend(text, delta);
    this.catchUp(text);
  }

  /** So much was saved: fills gaps, and adds what came in no piece. */
  repair(saved: readonly StreamText[]): void {
    for (const one of saved) {
      const text = this.texts.get(messageId(one));
      if (!text || one.text.length <= text.text.length) continue;
      text.text = one.text;
      this.pass(text);
      this.catchUp(text);
    }
  }

  /** What somebody needs who enters now: each text that was passed on, as one piece. */
  soFar(): Delta[] {
    return [...this.texts.values()]
      .filter(({ isOpen, text }) => isOpen && text !== '')
      .map(({ id, agentSessionId, text }) => deltaOf(id, agentSessionId, 0, text));
  }

  private add(id: string, agentSessionId: string, isOpen: boolean): LiveText {
    const text = { id, agentSessionId, text: '', passed: 0, isOpen, ahead: [] };
    this.texts.set(id, text);
    return text;
  }

  /** Adds what is new in a piece that begins within the text or at its end. */
  private extend(text: LiveText, { offset, delta }: Delta): void {
    const added = delta.slice(text.text.length - offset);
    if (added === '') return;
    text.text += added;
    this.pass(text, added);
  }

  /** Adds the pieces behind a gap that is not there any more. */
  private catchUp(text: LiveText): void {
    if (text.ahead.length === 0) return;
    const waiting = text.ahead.sort((one, other) => one.offset - other.offset);
    text.ahead = [];
    for (const delta of waiting)
      if (delta.offset <= text.text.length) this.extend(text, delta);
      else text.ahead.push(delta);
  }

  /** @param last what was added last: as a rule all that is new */
  private pass(text: LiveText, last = ''): void {
    const { id, agentSessionId, passed } = text;
    if (!text.isOpen || text.text.length === passed) return;
    text.passed = text.text.length;
    const isAll = passed + last.length === text.text.length;
    this.host.onDelta(deltaOf(id, agentSessionId, passed, isAll ? last : text.text.slice(passed)));
  }
}

function deltaOf(message_id: string, agent_session_id: string, offset: number, delta: string): Delta {
  return { message_id, agent_session_id, offset, delta };
}
