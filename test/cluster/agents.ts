import { join } from 'node:path';
import { startNode, type TestProcess } from '../support/process.js';
import type { Cluster } from './cluster.js';
import type { Random } from './random.js';

const PROGRAM = join(__dirname, 'agent-process.mjs');

/** Agents of one account, each a process of its own. */
export class AgentProcesses {
  private readonly processes: TestProcess[];
  private readonly random: Random;
  /** Everything that agents have said that were killed. */
  private said = '';

  constructor(
    private readonly cluster: Cluster,
    count: number,
  ) {
    this.random = cluster.random.fork();
    this.processes = Array.from({ length: count }, () => this.launch());
  }

  /** kill -9 of one of them, and another one in its place. */
  async killOne(): Promise<void> {
    const index = this.random.integer(0, this.processes.length - 1);
    this.cluster.history.note(`agent ${index}: kill -9`);
    const killed = this.processes[index]!;
    await killed.kill();
    this.said += killed.output();
    this.processes[index] = this.launch();
  }

  /** Those that have ended by themselves, with what they said. */
  falls(): string[] {
    return this.processes
      .filter((process) => process.hasEnded())
      .map((process) => `an agent ended by itself: ${process.output().slice(-1_000)}`);
  }

  output(): string {
    return this.said + this.processes.map((process) => process.output()).join('');
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
  }

  private launch(): TestProcess {
    const urls = this.cluster.nodes.map(({ url }) => url).join(',');
    return startNode([PROGRAM, urls, this.cluster.key, String(this.random.integer(0, 2 ** 31))], {});
  }
}
