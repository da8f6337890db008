import type { Holder } from '../log/fence.js';
import type { LogOwner } from '../log/log-types.js';

/** Where an answer in pieces goes. */
export interface StreamPlace {
  readonly messageId: string;
  readonly owner: LogOwner;
  readonly agentSessionId: string;
}

/** Who writes answers in pieces: a connection of an agent, or one request. */
export interface StreamSource {
  /** Of the connection or the request. */
  readonly id: string;
  readonly accountId: number;
  /** The API key that it has come with: `MAX_STREAMS_PER_KEY`. */
  readonly keyId: string;
  /** As whom it claims sessions; null over REST, which is not fenced. */
  readonly holder: Holder | null;
  /** Whether it is there still, as far as it is known. */
  isOpen?(): boolean;
  /** Hears of each piece that was taken. Never throws. */
  onPiece?(stream: StreamPlace): void;
  /** Hears that the platform user wants no more of an answer that it writes. Never throws. */
  onStop(messageId: string): void;
}
