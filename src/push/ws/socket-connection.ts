import type { Principal } from '../../auth/principal.js';
import type { ServerEvents } from '../events.js';
import type { LiveConnection } from '../live-connections.js';
import type { Subscriber } from '../subscriber.js';
import type { UserSocket } from './user-socket.js';

/** A Socket.IO connection, seen as what the rest of push needs of it. */
export class SocketConnection implements LiveConnection, Subscriber {
  constructor(private readonly socket: UserSocket) {}

  get userId(): number {
    return this.socket.data.userId;
  }

  get principal(): Principal {
    return this.socket.data.principal;
  }

  send<E extends keyof ServerEvents>(event: E, data: ServerEvents[E]): void {
    (this.socket as { emit(event: string, data: unknown): unknown }).emit(event, data);
  }

  /** What Engine.IO holds back, and what its WebSocket has not written yet. */
  bufferedBytes(): number {
    const { transport, writeBuffer } = this.socket.conn as unknown as EngineSocket;
    const waiting = writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    return waiting + (transport.socket?.bufferedAmount ?? 0);
  }

  warn(expiresAt: string): void {
    this.send('token:expiring', { expires_at: expiresAt });
  }

  /** The client is told that the server ended it, and does not come again by itself. */
  cut(): void {
    this.socket.disconnect(true);
  }

  /** To the client its transport closed, so it comes again by itself. */
  drop(): void {
    this.socket.conn.close();
  }
}

interface EngineSocket {
  writeBuffer: { data?: { length: number } }[];
  transport: { socket?: { bufferedAmount: number } };
}
