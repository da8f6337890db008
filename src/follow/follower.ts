import type { LogEntry, LogHint } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';

/** A stretch of the log after a position, and the head when it was read. */
export interface Slice {
  readonly entries: readonly LogEntry[];
  readonly state: ReadState;
  readonly complete: boolean;
}

/** Whom a follower works for. */
export interface FollowerHost {
  /** Reads the log after a position. */
  readAfter(position: number): Promise<Slice>;
  /** Takes the next entry. Never throws, never waits. */
  onEntry(entry: LogEntry): void;
  /** Takes a new read state. */
  onRead(state: ReadState): void;
  /** Hears of a failed catch-up; the next hint or comparison tries again. */
  onError(error: unknown): void;
}

/**
 * Follows one log.
 *
 * Promise: `onEntry` receives every entry after `start`, in the order of positions, none twice, none left out, whatever
 * hints are lost, doubled or reordered, as long as a hint or a comparison of heads arrives now and then. A hint that
 * continues the log is used as it is; anything else makes it read the log. One catch-up at a time.
 */
export class Follower {
  private current: ReadState;
  private catchingUp = false;
  /** Resolves when the catch-up that began last is over. */
  private caughtUp: Promise<void> | undefined;
  /** The furthest that hints and heads have told of since the read under way began. */
  private wanted: ReadState;
  /** Entries were passed on without the read state that holds after them: it follows with the next that is known. */
  private owesRead = false;

  /** @param start where it starts: the head of the log, read after its hints were subscribed to */
  constructor(
    start: ReadState,
    private readonly host: FollowerHost,
  ) {
    this.current = start;
    this.wanted = start;
  }

  /** Where it stands: every entry up to `seq` has been passed on, and the read state at that position. */
  get state(): ReadState {
    return this.current;
  }

  /** A writer says that the log has grown. */
  hint({ entries, state, read }: LogHint): void {
    if (this.catchingUp) return this.want(state);
    const fresh = entries.filter(({ seq }) => seq > this.current.seq);
    if (isBehind(this.current, state) && this.continues(fresh, state.seq)) this.pass(fresh, state, read);
    else this.compare(state);
  }

  /** The head of the log is there now: catches up with it if need be. */
  compare(head: ReadState): void {
    if (isBehind(this.current, head)) {
      if (this.catchingUp) this.want(head);
      else this.caughtUp = this.catchUp();
    }
  }

  /** The same, and resolves when it has caught up with this head, or has failed to. */
  async reach(head: ReadState): Promise<void> {
    this.compare(head);
    await this.caughtUp;
  }

  private continues(entries: readonly LogEntry[], upTo: number): boolean {
    let position = this.current.seq;
    for (const { seq } of entries) {
      if (seq !== position && seq !== position + 1) return false;
      position = seq;
    }
    return position === upTo;
  }

  private pass(entries: readonly LogEntry[], state: ReadState, read: boolean): void {
    for (const entry of entries) this.host.onEntry(entry);
    const horizonMoved = state.read_seq > this.current.read_seq;
    this.current = state;
    if (!read && !horizonMoved && !this.owesRead) return;
    this.owesRead = false;
    this.host.onRead(state);
  }

  private want(state: ReadState): void {
    const { seq, read_seq, unread_count } = this.wanted;
    this.wanted = {
      seq: Math.max(seq, state.seq),
      read_seq: Math.max(read_seq, state.read_seq),
      unread_count,
    };
  }

  /**
   * Reads until a whole answer has come and no hint that arrived while it was on its way tells of more. What was told
   * before a read began, that read shows: hints follow the commit.
   */
  private async catchUp(): Promise<void> {
    this.catchingUp = true;
    let slice: Slice;
    try {
      do {
        this.wanted = this.current;
        slice = await this.host.readAfter(this.current.seq);
        this.take(slice);
      } while (!slice.complete || isBehind(this.current, this.wanted));
    } catch (error) {
      this.host.onError(error);
    } finally {
      this.catchingUp = false;
    }
  }

  /** The read state of a slice holds at its end: in the middle of the log only the position is known. */
  private take({ entries, state, complete }: Slice): void {
    if (complete) return this.pass(entries, state, entries.some(isUpdate));
    for (const entry of entries) this.host.onEntry(entry);
    this.current = { ...this.current, seq: entries.at(-1)?.seq ?? this.current.seq };
    this.owesRead = true;
  }
}

function isUpdate({ event }: LogEntry): boolean {
  return event === 'message:updated';
}

function isBehind(state: ReadState, other: ReadState): boolean {
  return state.seq < other.seq || state.read_seq < other.read_seq;
}
