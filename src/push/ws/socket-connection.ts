import type { Principal } from '../../auth/principal.js';
import { Transport } from '../../ws/transport.js';
import type { ServerEvents } from '../events.js';
import type { LiveConnection } from '../live-connections.js';
import type { Outgoing } from '../subscriber.js';
import type { FanOutAdapter } from './fan-out.adapter.js';
import type { UserSocket } from './user-socket.js';

/** A Socket.IO connection, seen as what the rest of push needs of it. */
export class SocketConnection extends Transport implements LiveConnection {
  constructor(private readonly socket: UserSocket) {
    super(socket);
  }

  get userId(): number {
    return this.socket.data.userId;
  }

  get principal(): Principal {
    return this.socket.data.principal;
  }

  send<E extends keyof ServerEvents>(event: E, data: ServerEvents[E]): void {
    (this.socket as { emit(event: string, data: unknown): unknown }).emit(event, data);
  }

  sendAll(events: readonly Outgoing[]): void {
    const { adapter } = this.socket.nsp as unknown as { adapter: FanOutAdapter };
    adapter.sendAll(this.socket, events);
  }
}
