import type { Principal } from '../../auth/principal.js';
import type { ServerEvents } from '../events.js';
import type { LiveConnection } from '../live-connections.js';
import type { Outgoing } from '../subscriber.js';
import type { FanOutAdapter } from './fan-out.adapter.js';
import type { UserSocket } from './user-socket.js';

/** A Socket.IO connection, seen as what the rest of push needs of it. */
export class SocketConnection implements LiveConnection {
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

  sendAll(events: readonly Outgoing[]): void {
    const { adapter } = this.socket.nsp as unknown as { adapter: FanOutAdapter };
    adapter.sendAll(this.socket, events);
  }

  /** What Engine.IO holds back, and what its WebSocket has not written yet. */
  bufferedBytes(): number {
    const { transport, writeBuffer } = this.engine;
    const waiting = writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    return waiting + (transport.socket?.bufferedAmount ?? 0);
  }

  /** The client is told that the server ended it, and does not come again by itself. */
  cut(): void {
    this.socket.disconnect(true);
  }

  /** To the client its transport closed, so it comes again by itself. */
  leave(): void {
    this.socket.conn.close();
  }

  terminate(): void {
    const { transport } = this.engine;
    if (transport.socket) transport.socket.terminate();
    else this.socket.conn.close(true);
  }

  private get engine(): EngineSocket {
    return this.socket.conn as unknown as EngineSocket;
  }
}

/** What Engine.IO has and its types hide. */
interface EngineSocket {
  writeBuffer: { data?: { length: number } }[];
  /** The WebSocket, unless the transport is long polling. */
  transport: { socket?: { bufferedAmount: number; terminate(): void } };
}
