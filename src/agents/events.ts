import type { Session } from '../kernel/wire.dto.js';
import type {
  AgentDrain,
  AgentPresence,
  AgentReady,
  AgentTyping,
  InboxView,
  MessageStop,
} from './agents.dto.js';

/** What the server sends to agents: event and data (contract section 4). A wrong pair does not compile. */
export interface AgentEvents {
  ready: AgentReady;
  inbox: InboxView;
  'message:stop': MessageStop;
  typing: AgentTyping;
  session: Session;
  presence: AgentPresence;
  drain: AgentDrain;
}

/** The same in the form that socket.io's types want. */
export type EmittedAgentEvents = { [E in keyof AgentEvents]: (data: AgentEvents[E]) => void };
