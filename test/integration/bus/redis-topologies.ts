import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../../../src/redis/redis-connection.js';
import { quietPort } from '../../e2e/faults/port.js';
import { eventually } from '../../support/eventually.js';
import { type TestProcess, watchProcess } from '../../support/process.js';

const HOST = '127.0.0.1';
const SLOTS = 16_384;
const LOGIN = { tls: false, username: undefined, password: undefined, database: 0 };
/** A cluster's nodes gossip once a second until they agree, and Sentinels need some rounds too. */
const AGREEMENT_LIMIT_MS = 20_000;

/** One redis-server, or Sentinel, in a directory of its own. */
class RedisProcess {
  private process: TestProcess | undefined;

  constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly options: string[],
  ) {}

  async start(): Promise<void> {
    this.process = watchProcess(
      spawn('redis-server', this.options, { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    await eventually(async () => expect(await this.ask('PING')).toBe('PONG'));
  }

  ask(...command: string[]): Promise<unknown> {
    return ask({ host: HOST, port: this.port }, LOGIN, command);
  }

  async kill(): Promise<void> {
    await this.process?.kill();
  }
}

/** Several of them, and the REDIS_URL under which they are one. */
export class RedisTopology {
  private constructor(
    private readonly directory: string,
    readonly servers: RedisProcess[],
    readonly url: string,
  ) {}

  /** Three masters without replicas, each with a third of the slots. */
  static async cluster(): Promise<RedisTopology> {
    const directory = await mkdtemp(join(tmpdir(), 'parley-redis-cluster-'));
    const servers: RedisProcess[] = [];
    for (let i = 0; i < 3; i++) {
      const port = Number(await quietPort());
      const bus = ['--cluster-port', await quietPort(), '--cluster-config-file', `nodes-${i}.conf`];
      servers.push(serverOf(port, directory, ['--cluster-enabled', 'yes', ...bus]));
    }
    for (const server of servers) await server.start();
    const places = servers.map(({ port }) => `${HOST}:${port}`);
    const create = watchProcess(
      spawn('redis-cli', ['--cluster', 'create', ...places, '--cluster-yes'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    if ((await create.ended) !== 0) throw new Error(create.output());
    const topology = new RedisTopology(directory, servers, `redis+cluster://${places[0]},${places[1]}`);
    for (const server of servers)
      await eventually(
        async () => expect(await server.ask('CLUSTER', 'INFO')).toContain('cluster_state:ok'),
        { timeoutMs: AGREEMENT_LIMIT_MS },
      );
    return topology;
  }

  /** A master, its replica, and a Sentinel that decides alone: in this order. */
  static async sentinel(): Promise<RedisTopology> {
    const directory = await mkdtemp(join(tmpdir(), 'parley-redis-sentinel-'));
    const [master, replica, watch] = [await quietPort(), await quietPort(), await quietPort()];
    const file = join(directory, 'sentinel.conf');
    await writeFile(
      file,
      [
        `port ${watch}`,
        `bind ${HOST}`,
        `sentinel monitor one ${HOST} ${master} 1`,
        'sentinel down-after-milliseconds one 1000',
        'sentinel failover-timeout one 5000',
      ].join('\n'),
    );
    const servers = [
      serverOf(Number(master), directory, []),
      serverOf(Number(replica), directory, ['--replicaof', HOST, master]),
      new RedisProcess(Number(watch), directory, [file, '--sentinel']),
    ];
    for (const server of servers) await server.start();
    await eventually(
      async () => expect(String(await servers[2]!.ask('INFO', 'sentinel'))).toContain('slaves=1'),
      { timeoutMs: AGREEMENT_LIMIT_MS },
    );
    return new RedisTopology(directory, servers, `redis+sentinel://${HOST}:1,${HOST}:${watch}/one`);
  }

  /** Which of the servers has a slot, as the cluster sees it. */
  async ownerOf(slot: number): Promise<RedisProcess> {
    const entries = (await this.servers[0]!.ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const [, , [, port]] = entries.find(([first, last]) => slot >= first && slot <= last)!;
    return this.servers.find((server) => server.port === port)!;
  }

  /** Gives a slot without keys to another server, as a resharding does. */
  async moveSlot(slot: number, to: RedisProcess): Promise<void> {
    const id = String(await to.ask('CLUSTER', 'MYID'));
    const from = await this.ownerOf(slot);
    for (const server of [to, from, ...this.servers])
      await server.ask('CLUSTER', 'SETSLOT', String(slot % SLOTS), 'NODE', id);
  }

  async remove(): Promise<void> {
    for (const server of this.servers) await server.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function serverOf(port: number, directory: string, more: string[]): RedisProcess {
  const options = ['--port', String(port), '--bind', HOST, '--save', '', '--appendonly', 'no'];
  return new RedisProcess(port, directory, [...options, '--dbfilename', `${port}.rdb`, ...more]);
}
