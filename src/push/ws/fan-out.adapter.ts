import type { Socket } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { textOf } from '../../kernel/json-text.js';
import { textFrame } from './text-frame.js';

/** How Engine.IO is told that a packet is encoded already. */
interface Encoding {
  readonly preEncoded: true;
  readonly wsPreEncodedFrame: readonly Buffer[];
}

/** What socket.io-adapter, Engine.IO and ws have and their types hide: their pinned versions are part of this. */
interface InMemory {
  readonly nsp: { readonly name: string; readonly sockets: ReadonlyMap<string, Socket> };
  readonly rooms: ReadonlyMap<string, ReadonlySet<string>>;
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
  writeToEngine(packet: string, encoding: Encoding): void;
}
const WEBSOCKET_OPEN = 1;

/** Begins a Socket.IO packet that carries an event (socket.io-protocol, version 5). */
const EVENT = '2';
/** Begins an Engine.IO packet that carries a message (engine.io-protocol, version 4). */
const MESSAGE = '4';

/**
 * Rooms in memory, for fan-out and replay: an event is encoded once for a whole room, into one WebSocket frame in one
 * buffer, which goes straight to each device's WebSocket; a page of a replay is one write. A device that is not quite
 * there (long polling, an upgrade, something still waiting before it) gets it the ordinary way through Engine.IO, so the
 * order of a connection is kept.
 */
export class FanOutAdapter extends (Adapter as unknown as new (namespace: unknown) => InMemory) {
  /**
   * Sends an event to every socket of a room.
   *
   * @param event a name without characters that JSON escapes
   * @param data JSON, without binary data: it is not looked for
   * @param except the id of a socket that is left out
   */
  emit(room: string, event: string, data: NonNullable<unknown>, except?: string): void {
    const packet = this.encode(event, data);
    const frames = [textFrame(MESSAGE + packet)];
    for (const id of this.rooms.get(room) ?? []) {
      const socket = id === except ? undefined : this.nsp.sockets.get(id);
      if (!socket) continue;
      const engine = engineOf(socket);
      if (isIdle(engine)) engine.transport.socket._sender.sendFrame(frames);
      else clientOf(socket).writeToEngine(packet, { preEncoded: true, wsPreEncodedFrame: frames });
    }
  }

  /**
   * Sends events to one socket, in order, in one write. One that has left gets nothing: over its transport, which may
   * live on, the same client may have entered again.
   */
  sendAll(socket: Socket, events: readonly { event: string; data: NonNullable<unknown> }[]): void {
    if (!socket.connected) return;
    const engine = engineOf(socket);
    if (isIdle(engine)) {
      const frames = events.map(({ event, data }) => textFrame(MESSAGE + this.encode(event, data)));
      engine.transport.socket._sender.sendFrame([Buffer.concat(frames)]);
    } else for (const { event, data } of events) socket.emit(event, data);
  }

  private encode(event: string, data: NonNullable<unknown>): string {
    const { name } = this.nsp;
    return `${EVENT}${name === '/' ? '' : `${name},`}["${event}",${textOf(data)}]`;
  }
}

function engineOf({ conn }: Socket): EngineSocket {
  return conn as unknown as EngineSocket;
}

function clientOf({ client }: Socket): Client {
  return client as unknown as Client;
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
