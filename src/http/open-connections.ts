import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often a stopping server looks for connections on which nothing happens, in milliseconds. */
const CHECK_INTERVAL = 50;

/**
 * What would keep a stopped server alive although nothing is under way: a connection that became idle with its last
 * answer, after the server had closed the idle ones; and one that has never asked for anything, as browsers open in
 * advance, which Node.js does not count as idle. And, when time is up, whatever is still open: half a request, a
 * WebSocket that takes nothing.
 */
export class OpenConnections {
  private readonly all = new Set<Socket>();
  private readonly silent = new Set<Socket>();
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
      silent.add(socket.once('close', closes));
    });
    server.on('request', speaks).on('upgrade', speaks);
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
    for (const socket of this.isTimeUp ? this.all : this.silent) socket.destroy();
  }
}
