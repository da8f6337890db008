import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as afterPolling, setTimeout as delay } from 'node:timers/promises';

/** How often a stopping server looks for connections on which nothing happens, in milliseconds. */
const CHECK_INTERVAL = 50;
/** How long a connection may be open before it asks for something, once the server listens no more, in milliseconds. */
const SILENCE = 500;
/** When nobody has asked for anything for so long, nobody needs to be told that this node goes away, in milliseconds. */
const QUIET = 100;

/**
 * What would keep a stopped server alive although nothing is under way: a connection that became idle with its last
 * answer, after the server had closed the idle ones; and one that has never asked for anything, as browsers open in
 * advance, which Node.js does not count as idle. And, when time is up, whatever is still open: half a request, a
 * WebSocket that takes nothing.
 */
export class OpenConnections {
  private readonly all = new Set<Socket>();
  /** Those that have not asked for anything yet, and when they came. */
  private readonly silent = new Map<Socket, number>();
  private requests = 0;
  private isLeaving = false;
  private isTimeUp = false;

  constructor(private readonly server: Server) {
    const { all, silent } = this;
    const speaks = ({ socket }: IncomingMessage): void => void silent.delete(socket);
    const closes = function (this: Socket): void {
      silent.delete(this);
      all.delete(this);
    };
    server.on('connection', (socket: Socket) => {
      all.add(socket);
      silent.set(socket.once('close', closes), performance.now());
    });
    server.on('upgrade', speaks);
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      speaks(request);
      this.requests++;
      if (this.isLeaving) response.shouldKeepAlive = false;
    });
  }

  /**
   * From now on every answer says `Connection: close`, so that clients which keep connections leave this node by
   * themselves, and none is cut just when it asks. When nobody asks any more, after `limit` milliseconds at the latest,
   * the server listens no more.
   */
  async giveNotice(limit: number): Promise<void> {
    this.isLeaving = true;
    for (const end = performance.now() + limit; performance.now() < end;) {
      const before = this.requests;
      await delay(Math.min(QUIET, limit));
      if (this.requests === before) break;
    }
    await afterPolling(); // what the kernel has accepted is accepted here now; what comes later is refused, not reset
    this.server.close();
  }

  /**
   * From now on ends the idle ones, as soon as the server listens no more; after `timeout` milliseconds all, new ones
   * included.
   */
  letGo(timeout: number): void {
    setTimeout(() => (this.isTimeUp = true), timeout).unref();
    setInterval(() => this.check(), CHECK_INTERVAL).unref();
  }

  private check(): void {
    if (!this.isTimeUp && this.server.listening) return;
    this.server.closeIdleConnections();
    if (this.isTimeUp) for (const socket of this.all) socket.destroy();
    const tooLong = performance.now() - SILENCE;
    for (const [socket, since] of this.silent) if (since < tooLong) socket.destroy();
  }
}
