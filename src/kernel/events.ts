import type { Message, ReadState, Session } from './wire.dto.js';

/** One entry of a platform user's log, in its latest state, at a position. */
export type LogEntry =
  | { readonly seq: number; readonly event: 'message' | 'message:updated'; readonly data: Message }
  | { readonly seq: number; readonly event: 'session'; readonly data: Session };

/** Somebody is typing: shown, never stored. */
export interface Typing {
  agent_session_id: string | null;
  sender: 'user' | 'assistant';
  typing: boolean;
}

/**
 * What a writer says after its commit: the log of `userId` has grown. A doorbell, not the mail: it may be lost, doubled
 * or reordered, and whoever hears it checks it against its own position.
 */
export interface LogHint {
  readonly kind: 'log';
  readonly userId: number;
  /** The new entries, in order; empty when only the read state changed. */
  readonly entries: readonly LogEntry[];
  /** The log's head and read state after them. */
  readonly state: ReadState;
  /** Whether something was read. */
  readonly read: boolean;
}

/** Something ephemeral for whoever is connected right now. */
export interface TypingSignal {
  readonly kind: 'typing';
  readonly userId: number;
  readonly data: Typing;
  /** The connection that it came from, which need not hear itself. */
  readonly origin?: string;
}

export type Hint = LogHint | TypingSignal;
