import type { JsonText } from './json-text.js';
import type { Message, ReadState, Session } from './wire.dto.js';

/** One entry of a platform user's log, in its latest state, at a position. */
export type LogEntry =
  | { readonly seq: number; readonly event: 'message' | 'message:updated'; readonly data: JsonText<Message> }
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

/** A streaming answer has grown. Pieces are never stored one by one: what follows repairs what was lost. */
export interface DeltaSignal {
  readonly kind: 'delta';
  readonly userId: number;
  readonly data: Delta;
}

/** A piece of a streaming answer. */
export interface Delta {
  message_id: string;
  agent_session_id: string;
  /** Where the piece begins in the answer's text, in UTF-16 code units (the length of a string in JavaScript). */
  offset: number;
  delta: string;
}

/** A platform user wants no more of a streaming answer. */
export interface StopSignal {
  readonly kind: 'stop';
  readonly userId: number;
  readonly data: { readonly message_id: string };
}

/**
 * What waits for agents in a session has changed: a message of its user, its claim, or its routing. It goes to the channel
 * of the account. As every hint it may be lost: whoever serves agents compares with the inbox now and then.
 */
export interface InboxHint {
  readonly kind: 'inbox';
  readonly accountId: number;
  readonly userId: number;
  readonly platformUserId: string;
  readonly agentSessionId: string;
  /** Position of the message; null when it is the claim, the routing or what is handled that has changed. */
  readonly seq: number | null;
  /** The session itself has changed: its state, or whom it is routed to. */
  readonly session?: true;
}

export type Hint = LogHint | TypingSignal | DeltaSignal | StopSignal | InboxHint;

/** Where hints are said and heard: a platform user's, by its internal id, or an account's. */
export type Channel = number | AccountChannel;
export type AccountChannel = `account:${number}`;

export function accountChannel(accountId: number): AccountChannel {
  return `account:${accountId}`;
}

/** The one channel that a hint goes to. */
export function channelOf(hint: Hint): Channel {
  return hint.kind === 'inbox' ? accountChannel(hint.accountId) : hint.userId;
}
