import { join } from 'node:path';
import type { TestConnection } from '../../support/database.js';
import { cleanUp, expectGone, openDirectory } from '../../support/embedded.js';
import { eventually } from '../../support/eventually.js';
import { startNode } from '../../support/process.js';

const EMBEDDED = join(__dirname, '../../../dist/database/embedded');

/** A PostgreSQL that belongs to one test, which stops and starts it. */
export class OwnPostgres {
  private pid = 0;

  private constructor(
    private readonly dataDir: string,
    readonly connection: TestConnection,
  ) {}

  static async create(): Promise<OwnPostgres> {
    const dataDir = await openDirectory();
    const { pid, connection } = await run(dataDir);
    const postgres = new OwnPostgres(dataDir, connection);
    postgres.pid = pid;
    return postgres;
  }

  /** As it falls in a crash: no goodbye to anybody, nothing written down. */
  async crash(): Promise<void> {
    process.kill(this.pid, 'SIGQUIT');
    await eventually(() => expectGone(this.pid), { timeoutMs: 10_000 });
  }

  async start(): Promise<void> {
    this.pid = (await run(this.dataDir)).pid;
  }

  async remove(): Promise<void> {
    await cleanUp(this.dataDir);
  }
}

async function run(dataDir: string): Promise<{ pid: number; connection: TestConnection }> {
  const program = startNode([join(__dirname, 'start-postgres.mjs'), EMBEDDED, dataDir], {}, { cwd: '/' });
  if ((await program.ended) !== 0) throw new Error(program.output());
  return JSON.parse(program.output()) as { pid: number; connection: TestConnection };
}
