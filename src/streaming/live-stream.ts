import { conflict, tooLarge } from '../kernel/errors.js';
import type { Delta } from '../kernel/events.js';
import { messageId } from '../kernel/ids.js';
import type { Growth } from '../log/stream-texts.js';
import type { LogOwner } from '../log/log-types.js';
import type { StreamSource } from './stream-source.js';

/** Longest piece of one hint, in UTF-16 code units: as JSON less than the 8,000 bytes of a `NOTIFY`, whatever it holds. */
const MAX_PIECE = 1200;

/** What a {@link LiveStream} begins with. */
export interface LiveStreamState {
  readonly owner: LogOwner;
  readonly seq: number;
  readonly agentSessionId: string;
  /** What is known of it. */
  readonly text: string;
  /** Bytes of JSON that its text may take. */
  readonly limit: number;
}

/** A streaming answer whose pieces arrive at this node: its text, and what of it was neither announced nor saved yet. */
export class LiveStream {
  readonly messageId: string;
  readonly owner: LogOwner;
  readonly seq: number;
  readonly agentSessionId: string;
  /** The key that it counts for. */
  readonly keyId: string;
  /** Who was heard of it last. */
  source: StreamSource;
  /** It is being finished: nothing is added any more. */
  isEnding = false;
  text: string;
  /** When its writer was heard last, on the clock of `performance.now()`. */
  private heardAt = performance.now();
  private readonly limit: number;
  private bytes: number;
  private unannounced = '';
  private unsaved = '';
  private saving = '';
  private waiting: (() => void)[] = [];

  constructor({ owner, seq, agentSessionId, text, limit }: LiveStreamState, source: StreamSource) {
    this.owner = owner;
    this.seq = seq;
    this.agentSessionId = agentSessionId;
    this.source = source;
    this.keyId = source.keyId;
    this.text = text;
    this.limit = limit;
    this.bytes = jsonBytes(text);
    this.messageId = messageId({ userId: owner.userId, seq });
  }

  /** How long its writer has said nothing, in milliseconds. */
  get silence(): number {
    return performance.now() - this.heardAt;
  }

  /** What was taken and not saved yet, in UTF-16 code units. */
  get backlog(): number {
    return this.saving.length + this.unsaved.length;
  }

  /**
   * Adds what is new in a piece. One that was added before changes nothing, so a piece is safe to repeat.
   *
   * @param offset where the piece begins, in UTF-16 code units
   * @throws ParleyError `resource_conflict` with the length known as `offset`, when the piece begins beyond it or says
   *   something else than was said before; 413 when the text would become too large
   */
  append(offset: number, delta: string): void {
    const { length } = this.text;
    this.heardAt = performance.now();
    const repeated = delta.slice(0, Math.max(0, length - offset));
    if (offset > length || this.text.slice(offset, offset + repeated.length) !== repeated)
      throw conflict(
        offset > length
          ? 'Something is missing before this piece.'
          : 'Something else was said at this offset.',
        { offset: length },
      );
    const added = delta.slice(repeated.length);
    if (added === '') return;
    const bytes = this.bytes + jsonBytes(added);
    if (bytes > this.limit)
      throw tooLarge(`With this piece it would have more than ${this.limit} bytes.`, { limit: this.limit });
    this.bytes = bytes;
    this.text += added;
    this.unannounced += added;
    this.unsaved += added;
  }

  /** What was added since it was asked last, in pieces that fit a hint. */
  takeUnannounced(): Delta[] {
    const rest = this.unannounced;
    this.unannounced = '';
    const deltas: Delta[] = [];
    for (let from = this.text.length - rest.length, at = 0; at < rest.length;) {
      const delta = rest.slice(at, endOfPiece(rest, at));
      deltas.push({ message_id: this.messageId, agent_session_id: this.agentSessionId, offset: from, delta });
      from += delta.length;
      at += delta.length;
    }
    return deltas;
  }

  /** What is to be saved now; until {@link saved} or {@link notSaved} it is on its way. */
  takeUnsaved(): Growth {
    this.saving = this.unsaved;
    this.unsaved = '';
    const from = this.text.length - this.saving.length;
    return { userId: this.owner.userId, seq: this.seq, from, piece: this.saving };
  }

  /** What was on its way is saved, or never will be: who waits goes on. */
  saved(): void {
    this.saving = '';
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** What was on its way goes again. */
  notSaved(): void {
    this.unsaved = this.saving + this.unsaved;
    this.saving = '';
  }

  /** Resolves with the next {@link saved}. */
  nextSave(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** Two halves of one character stay together. */
function endOfPiece(text: string, from: number): number {
  const end = from + MAX_PIECE;
  if (end >= text.length) return text.length;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** Bytes of a text inside a JSON string. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
