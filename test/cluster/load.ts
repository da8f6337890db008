import { setTimeout as delay } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { eventually } from '../support/eventually.js';
import { type Evidence, findFaults, type Written } from './checker.js';
import type { Cluster } from './cluster.js';
import { Device, type DeviceOptions } from './device.js';
import type { Random } from './random.js';
import { type RestCaller, RestClient } from './rest-client.js';

/** How many do what. */
export interface LoadShape {
  users: number;
  devicesPerUser: number;
  /** Each writes to all users in turn at random, half as the user and half as the assistant. */
  restWriters: number;
  /** Devices that write over their sockets. */
  socketWriters: number;
  /** Mark users read up to where they are. */
  readers: number;
  /** Pause of a writer between two messages, in milliseconds. */
  pauseMs: number;
  /** What is special about a device, by its number. */
  device?: (index: number) => Pick<DeviceOptions, 'backoff' | 'heedsDrain'>;
  /** Who asks over REST; else somebody who asks any node until it answers. */
  client?: (random: Random) => RestCaller;
}

const BACKOFF = { reconnectionDelay: 100, reconnectionDelayMax: 500 };
const PAGE = 200;
/** How long clients may take to see the end of the log when all faults are over: backoff and anti-entropy, mostly. */
const SETTLE_LIMIT_MS = 25_000;
const CONNECT_LIMIT_MS = 20_000;

interface UserRecord {
  name: string;
  acknowledged: Written[];
  readUpTo: number;
  devices: Device[];
}

/** Clients of a cluster that write and listen until told to stop, and everything they were told. */
export class Load {
  private readonly users: UserRecord[];
  private readonly clients: RestCaller[] = [];
  private writing: Promise<void>[] = [];
  private stopping = false;
  private readonly random: Random;

  private constructor(
    private readonly cluster: Cluster,
    private readonly shape: LoadShape,
  ) {
    this.random = cluster.random.fork();
    const run = randomBytes(3).toString('hex'); // a soak starts many loads on one cluster
    this.users = Array.from({ length: shape.users }, (_, index) => {
      const name = `user-${run}-${index}`;
      return { name, acknowledged: [], readUpTo: 0, devices: this.devicesOf(name) };
    });
  }

  /** Resolves when all devices are there and the writers have begun. */
  static async start(cluster: Cluster, shape: LoadShape): Promise<Load> {
    const load = new Load(cluster, shape);
    await eventually(() => expect(load.devices.filter((device) => !device.isOnline())).toHaveLength(0), {
      timeoutMs: CONNECT_LIMIT_MS,
    });
    load.write();
    return load;
  }

  get devices(): Device[] {
    return this.users.flatMap(({ devices }) => devices);
  }

  /** Messages that were answered 2xx so far. */
  get written(): number {
    return this.users.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  }

  /** What happened, in one line: for the history. */
  summary(): string {
    const connections = this.devices.reduce((sum, { readyAt }) => sum + readyAt.length, 0);
    const of = (name: 'unavailable' | 'unanswered'): number =>
      this.clients.reduce((sum, client) => sum + client[name], 0);
    return `${this.written} messages, ${connections} connections of ${this.devices.length} devices, ${of('unavailable')} times 503, ${of('unanswered')} times no answer`;
  }

  /**
   * Ends the writing, waits until every device has seen everything (or the limit is over), and looks at all of it. Call it
   * when the faults are over and the nodes are ready.
   *
   * @returns faults; none if all is well
   */
  async finish(): Promise<string[]> {
    this.stopping = true;
    await Promise.all(this.writing);
    const behind = (): Device[] =>
      this.users.flatMap(({ devices, acknowledged }) =>
        devices.filter(({ position }) => position < acknowledged.length),
      );
    const began = Date.now();
    await eventually(() => expect(behind().length).toBe(0), { timeoutMs: SETTLE_LIMIT_MS }).catch(
      () => undefined,
    );
    this.cluster.history.note(`at rest after ${Date.now() - began} ms; ${this.summary()}`);
    const evidence = await Promise.all(this.users.map((user) => this.gather(user)));
    return [
      ...evidence.flatMap(findFaults),
      ...this.clients.flatMap(({ faults }) => faults),
      ...this.cluster.falls(),
    ];
  }

  close(): void {
    this.stopping = true;
    for (const device of this.devices) device.close();
    for (const client of this.clients) client.close?.();
  }

  private devicesOf(user: string): Device[] {
    const { key, history } = this.cluster;
    return Array.from({ length: this.shape.devicesPerUser }, (_, index) => {
      const random = this.random.fork();
      return new Device({
        ...{ name: `${user} device ${index}`, user, key, history, random },
        chooseUrl: () => this.anyUrl(random),
        backoff: BACKOFF,
        ...this.shape.device?.(index),
      });
    });
  }

  private anyUrl(random: Random): string {
    return random.pick(this.cluster.nodes).url;
  }

  private write(): void {
    const { restWriters, socketWriters, readers } = this.shape;
    const times = (count: number, begin: (index: number) => Promise<void>): Promise<void>[] =>
      Array.from({ length: count }, (_, index) => begin(index));
    this.writing = [
      ...times(restWriters, (index) => this.writeOverRest(`rest ${index}`)),
      ...times(socketWriters, (index) => this.writeOverSockets(`socket ${index}`)),
      ...times(readers, () => this.read()),
    ];
  }

  private async writeOverRest(name: string): Promise<void> {
    const { random, client } = this.client();
    for (let i = 0; !this.stopping; i++) {
      const user = random.pick(this.users);
      const content = `${name} ${i}`;
      const asUser = random.next() < 0.5;
      const message = asUser ? content : { payload: { content } };
      const body = { platform_user_id: user.name, message, client_message_id: content };
      const path = `/v1/message/${asUser ? 'receive' : 'send'}`;
      user.acknowledged.push(writtenOf(await client.ask('POST', path, body)));
      await this.pause(random);
    }
  }

  /** A device that is offline is waited for: another one would be another client. */
  private async writeOverSockets(name: string): Promise<void> {
    const random = this.random.fork();
    for (let i = 0; !this.stopping; i++) {
      const user = random.pick(this.users);
      const device = random.pick(user.devices);
      let message: unknown;
      while (message === undefined) {
        message = await device.write(`${name} ${i}`).catch(() => undefined);
        await this.pause(random);
      }
      user.acknowledged.push(writtenOf(message));
    }
  }

  private async read(): Promise<void> {
    const { random, client } = this.client();
    while (!this.stopping) {
      const user = random.pick(this.users);
      const upTo = Math.max(...user.devices.map(({ position }) => position));
      if (upTo > 0) {
        const body = { platform_user_id: user.name, up_to_seq: upTo };
        const { read_seq } = await client.ask('POST', '/v1/messages/read', body);
        user.readUpTo = Math.max(user.readUpTo, read_seq);
      }
      await this.pause(random);
    }
  }

  private client(): { random: Random; client: RestCaller } {
    const random = this.random.fork();
    const client =
      this.shape.client?.(random) ?? new RestClient(this.cluster.key, () => this.anyUrl(random), random);
    this.clients.push(client);
    return { random, client };
  }

  private async pause(random: Random): Promise<void> {
    await delay(random.integer(0, 2 * this.shape.pauseMs));
  }

  private async gather({ name, acknowledged, readUpTo, devices }: UserRecord): Promise<Evidence> {
    const { client } = this.client();
    const log: Written[] = [];
    for (let after: number | null = 0; after !== null;) {
      const path = `/v1/messages/all?platform_user_id=${name}&limit=${PAGE}&after=${after}`;
      const page = await client.ask('GET', path);
      log.push(...page.messages.map(writtenOf));
      after = page.next_after;
    }
    const end = await client.ask('GET', `/v1/sync?platform_user_id=${name}&after=${log.length}`);
    const { to: seq, read_seq, unread_count } = end;
    return { user: name, acknowledged, log, end: { seq, read_seq, unread_count }, readUpTo, devices };
  }
}

function writtenOf(message: any): Written {
  const { id, seq, payload } = message;
  return { id, seq, content: payload.content, sender: payload.sender };
}
