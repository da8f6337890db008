import type { Socket } from 'socket.io';
import { Adapter, type BroadcastOptions } from 'socket.io-adapter';

interface Encoding {
  preEncoded: true;
  wsPreEncodedFrame?: readonly Buffer[];
}

/** What socket.io-adapter, Engine.IO and ws have and their types hide: their pinned versions are part of this. */
interface InMemory {
  readonly nsp: { readonly name: string; readonly sockets: ReadonlyMap<string, Socket> };
  readonly rooms: ReadonlyMap<string, ReadonlySet<string>>;
  _encode(packet: unknown, options: Encoding): unknown;
  apply(options: BroadcastOptions, callback: (socket: Socket) => void): void;
}
interface EngineSocket {
  readyState: string;
  upgrading: boolean;
  writeBuffer: readonly unknown[];
  transport: {
    name: string;
    writable: boolean;
    socket: { readyState: number; _sender: { sendFrame(frame: readonly Buffer[]): void } };
  };
}
interface Client {
  writeToEngine(encoded: unknown, options: Encoding): void;
}
const WEBSOCKET_OPEN = 1;

/** The type of a Socket.IO packet that carries an event (socket.io-protocol, version 5). */
const EVENT = 2;

/**
 * Rooms in memory, for fan-out and replay: an event is encoded once for a whole room, into one WebSocket frame in one
 * buffer, which goes straight to each device's WebSocket; a page of a replay is one write. A device that is not quite
 * there (long polling, an upgrade, something still waiting before it) gets it the ordinary way through Engine.IO, so the
 * order of a connection is kept.
 */
export class FanOutAdapter extends (Adapter as unknown as new (namespace: unknown) => InMemory) {
  broadcast(packet: object, options: BroadcastOptions): void {
    const { frame, encoded, encoding } = this.encode(packet);
    const frames = [frame as Buffer];
    this.each(options, (socket) => {
      const engine = engineOf(socket);
      if (frame && isIdle(engine)) engine.transport.socket._sender.sendFrame(frames);
      else (socket as unknown as { client: Client }).client.writeToEngine(encoded, encoding);
    });
  }

  /** One room and nobody left out, as nearly always: then no socket can come twice, and none needs to be looked for. */
  private each(options: BroadcastOptions, callback: (socket: Socket) => void): void {
    const [room, another] = options.rooms;
    if (room === undefined || another !== undefined || options.except?.size)
      return this.apply(options, callback);
    for (const id of this.rooms.get(room) ?? []) {
      const socket = this.nsp.sockets.get(id);
      if (socket) callback(socket);
    }
  }

  /**
   * Sends events to one socket, in order, in one write. One that has left gets nothing: over its transport, which may
   * live on, the same client may have entered again.
   */
  sendAll(socket: Socket, events: readonly { event: string; data: unknown }[]): void {
    if (!socket.connected) return;
    const engine = engineOf(socket);
    if (isIdle(engine)) {
      const frames = events.map(({ event, data }) => this.encode({ type: EVENT, data: [event, data] }).frame);
      engine.transport.socket._sender.sendFrame([Buffer.concat(frames as Buffer[])]);
    } else for (const { event, data } of events) socket.emit(event, data);
  }

  /** @returns the frame, or none for a packet with binary data, which takes several */
  private encode(packet: object): { frame?: Buffer; encoded: unknown; encoding: Encoding } {
    const encoding: Encoding = { preEncoded: true };
    const encoded = this._encode(Object.assign(packet, { nsp: this.nsp.name }), encoding);
    if (!encoding.wsPreEncodedFrame) return { encoded, encoding };
    const frame = Buffer.concat(encoding.wsPreEncodedFrame);
    return { frame, encoded, encoding: { preEncoded: true, wsPreEncodedFrame: [frame] } };
  }
}

function engineOf({ conn }: Socket): EngineSocket {
  return conn as unknown as EngineSocket;
}

/** Whether nothing waits before what is written now. */
function isIdle({ readyState, upgrading, writeBuffer, transport }: EngineSocket): boolean {
  return (
    readyState === 'open' &&
    !upgrading &&
    writeBuffer.length === 0 &&
    transport.name === 'websocket' &&
    transport.writable &&
    transport.socket.readyState === WEBSOCKET_OPEN
  );
}
