import type { KeyPrincipal } from '../auth/principal.js';
import type { Holder } from '../log/claims.js';
import type { AgentEvents } from './events.js';
import type { DeskAgent } from './desk.js';

/** Whom a connection was verified to belong to. */
export interface ConnectedAgent {
  readonly principal: KeyPrincipal;
  /** Who the agent says it is; null: one of those that take what is routed to nobody. */
  readonly agentId: string | null;
}

/** A connection of an agent. */
export interface AgentConnection extends DeskAgent, ConnectedAgent {
  send<E extends keyof AgentEvents>(event: E, data: AgentEvents[E]): void;
  isOpen(): boolean;
  /** Bytes that were sent and not taken yet. */
  bufferedBytes(): number;
  /** Ends it for good: its credential no longer counts. */
  cut(): void;
  /** Ends it when it has taken what was sent; the agent comes again. */
  leave(): void;
  /** Ends it now, and drops what it has not taken; the agent comes again and is told what waits. */
  terminate(): void;
}

/** As whom a connection claims. */
export function holderOf({ id, agentId }: AgentConnection): Holder {
  return { connectionId: id, agentId };
}
