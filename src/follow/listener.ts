import type { Delta, LogEntry, TypingSignal } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';

/** Somebody who hears what one follower passes on. Never throws, never waits. */
export interface LogListener {
  /** The next entry of the log. */
  onEntry(entry: LogEntry): void;
  /** A new read state. */
  onRead?(state: ReadState): void;
  /** The next piece of an answer that is arriving: they join without gap or overlap. */
  onDelta?(delta: Delta): void;
  onTyping?(signal: TypingSignal): void;
}
