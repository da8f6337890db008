import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { quietPort } from '../e2e/faults/port.js';
import type { Random } from './random.js';

const HOST = '127.0.0.1';

/** A TCP proxy on a port of loopback that can fail as networks do. */
export class TcpProxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private server: Server | undefined;
  private frozen = false;

  private constructor(
    readonly port: number,
    private readonly targetPort: number,
  ) {}

  static async open(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(Number(await quietPort()), targetPort);
    await proxy.accept();
    return proxy;
  }

  /** Resets connections, all of them or each with a probability. */
  cut(random?: Random, probability = 1): void {
    for (const pair of this.pairs)
      if (random === undefined || random.next() < probability) for (const socket of pair) reset(socket);
  }

  /** Connections stay, new ones are taken, and nothing comes through until {@link thaw}. */
  freeze(): void {
    this.frozen = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  thaw(): void {
    this.frozen = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  /** New connections are refused until {@link accept}; those that are open stay. */
  refuse(): void {
    this.server?.close();
    this.server = undefined;
  }

  async accept(): Promise<void> {
    if (this.server) return;
    this.server = createServer({ allowHalfOpen: false }, (near) => this.join(near));
    this.server.listen(this.port, HOST);
    await once(this.server, 'listening');
  }

  close(): void {
    this.refuse();
    this.cut();
  }

  private join(near: Socket): void {
    const far = connect(this.targetPort, HOST);
    const pair = [near, far] as const;
    this.pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on('error', () => undefined); // `close` follows
      from.on('close', () => {
        this.pairs.delete(pair);
        to.destroySoon();
      });
      from.on('data', (chunk) => {
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => this.frozen || from.resume());
      });
      if (this.frozen) from.pause();
    }
  }
}

function reset(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
