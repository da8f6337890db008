import { spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { quietPort } from '../e2e/faults/port.js';
import { eventually } from '../support/eventually.js';
import { type TestProcess, watchProcess } from '../support/process.js';
import { TcpProxy } from './tcp-proxy.js';

const ANSWER_LIMIT_MS = 5_000;

/** Whether this machine has a redis-server. In CI its absence is an error. */
export function hasRedis(): boolean {
  const found = spawnSync('redis-server', ['--version']).status === 0;
  if (!found && process.env.CI === 'true') throw new Error('redis-server is missing: .ci/run installs it');
  return found;
}

/** A Redis of a test's own, in memory only, behind a proxy. */
export class OwnRedis {
  private process: TestProcess | undefined;

  private constructor(
    private readonly port: number,
    readonly proxy: TcpProxy,
  ) {}

  static async create(): Promise<OwnRedis> {
    const port = Number(await quietPort());
    const redis = new OwnRedis(port, await TcpProxy.open(port));
    await redis.start();
    return redis;
  }

  /** For REDIS_URL. */
  get url(): string {
    return `redis://127.0.0.1:${this.proxy.port}`;
  }

  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.process = watchProcess(
      spawn('redis-server', options, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    await eventually(async () => expect(await this.command('PING')).toBe('+PONG'));
  }

  /** kill -9: what it knew is gone. */
  async kill(): Promise<void> {
    await this.process?.kill();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.process?.child.kill(signal);
  }

  /** Sends one command, not through the proxy. @returns the first line of the answer */
  async command(text: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error(`Redis did not answer ${text}`)));
    try {
      return await new Promise<string>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('data', (chunk) => resolve(chunk.toString().split('\r\n', 1)[0] ?? ''));
        socket.write(`${text}\r\n`);
      });
    } finally {
      socket.destroy();
    }
  }

  async remove(): Promise<void> {
    await this.process?.kill();
    this.proxy.close();
  }
}
