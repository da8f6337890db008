import { io, type Socket } from 'socket.io-client';
import type { History } from './history.js';
import type { Random } from './random.js';

/** Where a log stands, as `ready` and `read` tell it. */
export interface ReadState {
  seq: number;
  read_seq: number;
  unread_count: number;
}

export interface DeviceOptions {
  name: string;
  user: string;
  key: string;
  /** Asked before each attempt to connect. */
  chooseUrl: () => string;
  random: Random;
  history: History;
  /** Pauses of the stock client between its attempts, in milliseconds; its own defaults without. */
  backoff?: { reconnectionDelay: number; reconnectionDelayMax: number };
  /** Whether it does what `drain` asks it to. */
  heedsDrain?: boolean;
}

const WRITE_LIMIT_MS = 3_000;

/**
 * A stock client that remembers its position and the epoch, and comes back to any node. Its log has messages only, so
 * each connection must bring the very next position, from the first event to the last: what comes again is as much a
 * fault as what is missing.
 */
export class Device {
  /** Ids of the messages that it has seen; position 1 is at 0. */
  readonly ids: string[] = [];
  /** Every read state that it was told. */
  readonly states: ReadState[] = [];
  readonly faults: string[] = [];
  /** When each of its connections was ready, as Date.now(). */
  readonly readyAt: number[] = [];
  /** What each `drain` has asked for, in milliseconds. */
  readonly drains: number[] = [];
  readonly name: string;
  readonly user: string;
  private readonly socket: Socket;
  private epoch: string | undefined;
  private greeted = false;
  private offline: NodeJS.Timeout | undefined;

  constructor(private readonly options: DeviceOptions) {
    this.name = options.name;
    this.user = options.user;
    this.socket = io(options.chooseUrl(), {
      forceNew: true,
      transports: ['websocket'],
      ...options.backoff,
      auth: (send) => send(this.credentials()),
    });
    this.socket.io.on('reconnect_attempt', () => this.aimAnew());
    this.socket.on('ready', (ready) => this.onReady(ready));
    this.socket.on('message', (message) => this.onMessage(message));
    this.socket.on('read', (state) => this.onRead(state));
    this.socket.on('drain', ({ reconnect_in_ms }) => this.onDrain(reconnect_in_ms));
    this.socket.on('connect_error', (error) => this.onRefusal(error));
    this.socket.on('disconnect', (reason) => {
      this.greeted = false;
      if (reason === 'io server disconnect') this.fault('it was told to stay away');
    });
  }

  get position(): number {
    return this.ids.length;
  }

  isOnline(): boolean {
    return this.socket.connected;
  }

  /** Whether its present connection has brought it up to date. */
  get isReady(): boolean {
    return this.socket.connected && this.greeted;
  }

  /** Goes away for a while, as a phone in a tunnel. */
  goOffline(ms: number): void {
    if (this.offline) return;
    this.options.history.note(`${this.name}: offline for ${ms} ms`);
    this.socket.disconnect();
    this.offline = setTimeout(() => {
      this.offline = undefined;
      this.aimAnew();
      this.socket.connect();
    }, ms);
  }

  /** Writes over its socket. @returns the message; throws unless it was acknowledged in time */
  async write(content: string): Promise<any> {
    if (!this.isOnline()) throw new Error('offline');
    const body = { message: content, client_message_id: content };
    const answer = await this.socket.timeout(WRITE_LIMIT_MS).emitWithAck('message:receive', body);
    if (answer.ok) return answer.data;
    if (answer.error.code !== 'service_unavailable')
      this.fault(`a write was answered ${JSON.stringify(answer.error)}`);
    throw new Error(answer.error.code);
  }

  close(): void {
    clearTimeout(this.offline);
    this.socket.disconnect();
  }

  private credentials(): object {
    const { key, user } = this.options;
    return { api_key: key, platform_user_id: user, after: this.position, epoch: this.epoch };
  }

  private aimAnew(): void {
    Object.assign(this.socket.io, { uri: this.options.chooseUrl() }); // the stock client knows one address only
  }

  private onReady(ready: ReadState & { epoch: string; reset: boolean }): void {
    this.greeted = true;
    this.readyAt.push(Date.now());
    if (ready.reset) this.fault(`reset at position ${this.position}`);
    if (this.epoch !== undefined && ready.epoch !== this.epoch) this.fault('the epoch changed');
    this.epoch = ready.epoch;
    this.onRead(ready);
    const { backoff } = this.options;
    if (this.options.heedsDrain) this.socket.io.reconnectionDelay(backoff?.reconnectionDelay ?? 1_000);
  }

  private onMessage({ seq, id }: { seq: number; id: string }): void {
    if (seq <= this.position) return this.fault(`position ${seq} came when it was at ${this.position}`);
    if (seq > this.position + 1) this.fault(`position ${seq} came when it was at ${this.position}: a gap`);
    this.ids[seq - 1] = id;
  }

  private onRead({ seq, read_seq, unread_count }: ReadState): void {
    if (seq !== this.position) this.fault(`a read state of ${seq} came when it was at ${this.position}`);
    this.states.push({ seq, read_seq, unread_count });
  }

  private onDrain(ms: number): void {
    this.drains.push(ms);
    if (this.options.heedsDrain) this.socket.io.reconnectionDelay(ms);
  }

  /** A refusal is for good: the stock client does not come again by itself. */
  private onRefusal(error: Error & { data?: object }): void {
    if (error.data && !this.socket.active) this.fault(`it was refused: ${JSON.stringify(error.data)}`);
  }

  private fault(what: string): void {
    this.options.history.note(`${this.name}: FAULT ${what}`);
    this.faults.push(`${this.name}, connection ${this.readyAt.length}: ${what}`);
  }
}
