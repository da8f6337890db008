import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import type { KeyPrincipal } from '../../auth/principal.js';
import { Transport } from '../../ws/transport.js';
import type { AgentConnection, ConnectedAgent } from '../agent-connection.js';
import type { AgentEvents, EmittedAgentEvents } from '../events.js';
import { Horizon } from '../horizon.js';

/** What a socket of an agent carries: who it is, and its connection once it is open. */
export interface AgentSocketData extends ConnectedAgent {
  connection?: AgentConnection;
  /** Resolves when it was told what waits, with whether that could be read. */
  joined?: Promise<boolean>;
}

export type AgentSocket = Socket<DefaultEventsMap, EmittedAgentEvents, DefaultEventsMap, AgentSocketData>;
export type AgentNamespace = Namespace<
  DefaultEventsMap,
  EmittedAgentEvents,
  DefaultEventsMap,
  AgentSocketData
>;

/** A Socket.IO connection of an agent. */
export class AgentSocketConnection extends Transport implements AgentConnection {
  readonly horizon = new Horizon();

  constructor(private readonly socket: AgentSocket) {
    super(socket);
  }

  get id(): string {
    return this.socket.id;
  }

  get principal(): KeyPrincipal {
    return this.socket.data.principal;
  }

  get agentId(): string | null {
    return this.socket.data.agentId;
  }

  isOpen(): boolean {
    return this.socket.connected;
  }

  send<E extends keyof AgentEvents>(event: E, data: AgentEvents[E]): void {
    (this.socket as { emit(event: string, data: unknown): unknown }).emit(event, data);
  }
}
