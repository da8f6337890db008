import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often a stopping server looks for connections on which nothing happens, in milliseconds. */
const CHECK_INTERVAL = 50;

/**
 * What would keep a stopped server alive although nothing is under way: a connection that became idle with its last
 * answer, after the server had closed the idle ones; and one that has never asked for anything, as browsers open in
 * advance, which Node.js does not count as idle.
 */
export class IdleConnections {
  private readonly silent = new Set<Socket>();

  constructor(private readonly server: Server) {
    const { silent } = this;
    const speaks = ({ socket }: IncomingMessage): void => void silent.delete(socket);
    const closes = function (this: Socket): void {
      silent.delete(this);
    };
    server.on('connection', (socket: Socket) => silent.add(socket.once('close', closes)));
    server.on('request', speaks).on('upgrade', speaks);
  }

  /** From now on ends them, as soon as the server listens no more. */
  letGo(): void {
    setInterval(() => {
      if (this.server.listening) return;
      this.server.closeIdleConnections();
      for (const socket of this.silent) socket.destroy();
    }, CHECK_INTERVAL).unref();
  }
}
