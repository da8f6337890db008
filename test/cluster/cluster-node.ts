import { setTimeout as delay } from 'node:timers/promises';
import { quietPort } from '../e2e/faults/port.js';
import type { TestProcess } from '../support/process.js';
import { launchServer } from '../support/server.js';
import type { History } from './history.js';
import { TcpProxy } from './tcp-proxy.js';

const READY_LIMIT_MS = 30_000;
const POLL_MS = 50;
/** Pause before a start that failed is tried again. */
const RESTART_MS = 500;
/** What a server says that listens. */
const HAS_STARTED = /listening on/;

/** What a node is started with. */
export interface NodeSettings {
  databaseUrl: string;
  env: Record<string, string>;
  /** Whether clients reach it through a proxy that can fail. */
  proxied: boolean;
}

/** One built server of a cluster, always on the same port, through all its processes. */
export class ClusterNode {
  /** Ends that nobody asked for, with the last words. */
  readonly falls: string[] = [];
  private process: TestProcess | undefined;
  private removed = false;

  private constructor(
    readonly name: string,
    private readonly port: number,
    private readonly settings: NodeSettings,
    private readonly history: History,
    readonly proxy: TcpProxy | undefined,
  ) {}

  static async create(name: string, settings: NodeSettings, history: History): Promise<ClusterNode> {
    const port = Number(await quietPort());
    const proxy = settings.proxied ? await TcpProxy.open(port) : undefined;
    return new ClusterNode(name, port, settings, history, proxy);
  }

  /** Where clients dial. */
  get url(): string {
    return `http://127.0.0.1:${this.proxy?.port ?? this.port}`;
  }

  /** Everything that its present process has said. */
  get output(): string {
    return this.process?.output() ?? '';
  }

  /** Starts a process and does not wait for it. */
  launch(): void {
    const { databaseUrl, env } = this.settings;
    const started = launchServer({ databaseUrl, env: { ...env, PORT: String(this.port) } });
    this.process = started;
    void started.ended.then((code) => {
      if (this.process !== started) return; // replaced on purpose
      if (!HAS_STARTED.test(started.output())) return this.startAgain(code);
      this.falls.push(`${this.name} ended by itself with ${code}: ${started.output().slice(-2_000)}`);
    });
  }

  /** A start fails while the database is away: whatever keeps a service up tries again. */
  private startAgain(code: number | null): void {
    this.history.note(`${this.name}: could not start (${code})`);
    this.process = undefined;
    setTimeout(() => this.removed || this.process || this.launch(), RESTART_MS);
  }

  /** Resolves when it answers that it is ready. */
  async ready(): Promise<void> {
    for (const limit = Date.now() + READY_LIMIT_MS; Date.now() < limit; await delay(POLL_MS)) {
      if (this.falls.length > 0) break;
      const status = await this.readiness();
      if (status === 200) return;
    }
    throw new Error(`${this.name} did not become ready; it said:\n${this.output.slice(-4_000)}`);
  }

  /** kill -9, and starts anew at once. */
  async killAndRestart(): Promise<void> {
    await this.kill();
    this.launch();
  }

  async kill(): Promise<void> {
    this.history.note(`${this.name}: kill -9`);
    await this.letGo()?.kill();
  }

  /** SIGTERM. @returns the exit code */
  async terminate(): Promise<number | null> {
    this.history.note(`${this.name}: SIGTERM`);
    const code = await this.letGo()?.stop();
    this.history.note(`${this.name}: ended with ${code}`);
    return code ?? null;
  }

  /** The process stands still for a while, longer than its lease perhaps. */
  async pause(ms: number): Promise<void> {
    const paused = this.process?.child;
    this.history.note(`${this.name}: SIGSTOP for ${ms} ms`);
    paused?.kill('SIGSTOP');
    await delay(ms);
    paused?.kill('SIGCONT');
  }

  /** Ends it without a word, and its proxy. */
  async remove(): Promise<void> {
    this.removed = true;
    await this.letGo()?.kill();
    this.proxy?.close();
  }

  private letGo(): TestProcess | undefined {
    const { process } = this;
    this.process = undefined;
    return process;
  }

  /** What GET /health/ready answers; undefined without an answer. */
  async readiness(): Promise<number | undefined> {
    try {
      const url = `http://127.0.0.1:${this.port}/health/ready`;
      const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
      await response.text();
      return response.status;
    } catch {
      return undefined;
    }
  }
}
