import type { ServerResponse } from 'node:http';
import type { Principal } from '../../auth/principal.js';
import { lineOf } from '../../kernel/json-text.js';
import type { ServerEvents } from '../events.js';
import type { LiveConnection } from '../live-connections.js';
import type { Outgoing } from '../subscriber.js';

export const EVENT_STREAM = 'text/event-stream; charset=utf-8';
/** How often a comment keeps proxies from closing a stream in which nothing happens, in milliseconds. */
const HEARTBEAT_INTERVAL = 15_000;
/** When a client whose stream broke comes again, in milliseconds. */
const RETRY = 2000;

/** Server-Sent Events (HTML Living Standard, section 9.2): `id:` is the position, so `Last-Event-ID` resumes. */
export class EventStream implements LiveConnection {
  private readonly heartbeat: NodeJS.Timeout;

  constructor(
    readonly userId: number,
    readonly principal: Principal,
    private readonly response: ServerResponse,
    headers: Record<string, string>,
  ) {
    response.writeHead(200, {
      ...headers,
      'content-type': EVENT_STREAM,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no', // nginx would hold events back
      connection: 'keep-alive',
    });
    response.write(`retry: ${RETRY}\n\n`);
    this.heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_INTERVAL);
    response.once('close', () => clearInterval(this.heartbeat));
  }

  send<E extends keyof ServerEvents>(event: E, data: ServerEvents[E], seq?: number): void {
    if (!this.isOpen()) return;
    const id = seq === undefined ? '' : `id: ${seq}\n`;
    this.response.write(`${id}event: ${event}\ndata: ${lineOf(data)}\n\n`);
  }

  sendAll(events: readonly Outgoing[]): void {
    this.response.cork();
    for (const { event, data, seq } of events) this.send(event, data, seq);
    this.response.uncork();
  }

  isOpen(): boolean {
    return this.response.writable && !this.response.destroyed;
  }

  bufferedBytes(): number {
    return this.response.writableLength;
  }

  cut(): void {
    this.response.end();
  }

  leave(): void {
    this.response.end();
  }

  terminate(): void {
    this.response.destroy();
  }
}
