import { Socket } from 'node:net';
import { WatchedClient, type WatchedClientConfig } from '../database/watched-client.js';

/** How long a goodbye may take, in milliseconds. */
const CLOSE_TIMEOUT = 500;

/** A connection that can be let go of though its peer does not answer, which `pg` by itself cannot do. */
export class CuttableClient extends WatchedClient {
  /** Resolves when the connection is gone. Never rejects. */
  readonly ended: Promise<void>;
  private readonly socket: Socket;

  /** @param signal cuts it */
  constructor(config: WatchedClientConfig, signal: AbortSignal) {
    const socket = new Socket();
    super({ ...config, stream: () => socket });
    this.socket = socket;
    this.ended = new Promise((resolve) => this.once('end', resolve));
    const cut = (): void => this.cut();
    signal.addEventListener('abort', cut);
    this.once('end', () => signal.removeEventListener('abort', cut));
    this.on('error', () => undefined); // `end` follows
  }

  /** Ends it at once, without a word. */
  cut(): void {
    this.socket.destroy();
  }

  /** Says goodbye, if that goes quickly. Never rejects. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.cut(), CLOSE_TIMEOUT);
    await this.end().catch(() => undefined);
    clearTimeout(timer);
  }
}
