import type { IncomingHttpHeaders } from 'node:http';

/** What is looked at of a Socket.IO socket; its own type stays in the rooms that emit. */
export interface ServerSocket {
  readonly request: { readonly headers: IncomingHttpHeaders };
  readonly conn: { readonly remoteAddress: string; close(discard?: boolean): unknown };
  disconnect(close?: boolean): unknown;
}

/** What Engine.IO has and its types hide. */
interface EngineSocket {
  writeBuffer: { data?: { length: number } }[];
  /** The WebSocket, unless the transport is long polling. */
  transport: { socket?: { bufferedAmount: number; terminate(): void } };
}

/** The connection under a socket: how much of what was sent it has not taken, and the ways to end it. */
export class Transport {
  constructor(private readonly under: ServerSocket) {}

  /** What Engine.IO holds back, and what its WebSocket has not written yet. */
  bufferedBytes(): number {
    const { transport, writeBuffer } = this.engine;
    const waiting = writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    return waiting + (transport.socket?.bufferedAmount ?? 0);
  }

  /** The client is told that the server ended it, and does not come again by itself. */
  cut(): void {
    this.under.disconnect(true);
  }

  /** To the client its transport closed, so it comes again by itself. */
  leave(): void {
    this.under.conn.close();
  }

  terminate(): void {
    const { transport } = this.engine;
    if (transport.socket) transport.socket.terminate();
    else this.under.conn.close(true);
  }

  private get engine(): EngineSocket {
    return this.under.conn as unknown as EngineSocket;
  }
}

/**
 * What its handshake said has been read: the request, its headers and, after an upgrade, the connection that long polling
 * began with would stay in memory as long as the socket. Who connects once more over the same transport is still known
 * by address.
 */
export function forgetRequest(socket: ServerSocket): void {
  const { headers } = socket.request;
  const connection = { remoteAddress: socket.conn.remoteAddress };
  const forwarded = headers['x-forwarded-for'];
  const address = forwarded === undefined ? NOTHING : { 'x-forwarded-for': forwarded };
  const request = { headers: address, socket: connection, connection, url: '', _query: NOTHING };
  Object.assign(socket.conn, { request });
  Object.assign(socket, { handshake: NO_HANDSHAKE });
}

const NOTHING = Object.freeze({});
const NO_HANDSHAKE = Object.freeze({ headers: NOTHING, auth: NOTHING, query: NOTHING });
