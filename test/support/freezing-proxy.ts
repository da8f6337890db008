import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Where a PostgreSQL is: `host` is the directory of its Unix socket. */
interface Target {
  host: string;
  port: number;
}

/** A way to PostgreSQL on which everything can stop to flow while every connection stays open, as when a cable is pulled. */
export class FreezingProxy {
  /** Connections that were ever taken. */
  taken = 0;
  private readonly sockets = new Set<Socket>();
  private frozen = false;

  private constructor(
    private readonly server: Server,
    private readonly target: Target,
  ) {
    server.on('connection', (near) => this.forward(near));
  }

  static async open(target: Target): Promise<FreezingProxy> {
    const server = createServer();
    const proxy = new FreezingProxy(server, target);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open now; what is closed while frozen shows when it thaws. */
  get connections(): number {
    return this.sockets.size / 2;
  }

  /** New connections are taken as well, and get no answer. */
  freeze(): void {
    this.frozen = true;
    for (const socket of this.sockets) socket.pause();
  }

  thaw(): void {
    this.frozen = false;
    for (const socket of this.sockets) socket.resume();
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private forward(near: Socket): void {
    this.taken++;
    const far = connect(`${this.target.host}/.s.PGSQL.${this.target.port}`);
    this.join(near, far);
    this.join(far, near);
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.on('data', (chunk) => to.write(chunk));
    from.on('error', () => undefined);
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
    if (this.frozen) from.pause();
  }
}
