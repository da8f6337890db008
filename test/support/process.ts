import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** A program that a test has started, with all it has said. */
export interface TestProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Everything on stdout and stderr so far. */
  output(): string;
  /** Resolves with the exit code (null when killed by a signal), at once if it has ended. */
  readonly ended: Promise<number | null>;
  /** Whether it has ended. */
  hasEnded(): boolean;
  /** SIGTERM, then its exit code. Past the limit it is killed, and this throws. */
  stop(limitMs?: number): Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

const STOP_LIMIT_MS = 20_000;
const running = new Set<ChildProcess>();
// A worker that Jest ends early takes what it has started with it.
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Starts `node` with these arguments. The environment is exactly the given one, plus PATH and HOME. */
export function startNode(args: string[], env: NodeJS.ProcessEnv, options: SpawnOptions = {}): TestProcess {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, args, {
    ...options,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return watchProcess(child);
}

/** The same for a program that was started in another way. */
export function watchProcess(child: ChildProcess): TestProcess {
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  running.add(child);
  let over = false;
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => said.push(String(error)));
    child.once('close', (code) => {
      over = true;
      running.delete(child);
      resolve(code);
    });
  });
  return {
    pid: child.pid ?? -1,
    child,
    ended,
    output: () => said.join(''),
    hasEnded: () => over,
    stop: (limitMs = STOP_LIMIT_MS) => stopWithin(child, ended, limitMs, said),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function stopWithin(
  child: ChildProcess,
  ended: Promise<number | null>,
  limitMs: number,
  said: string[],
) {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, limitMs);
  child.kill('SIGTERM');
  const code = await ended;
  clearTimeout(timer);
  if (late)
    throw new Error(`process ${child.pid} did not end within ${limitMs} ms of SIGTERM:\n${said.join('')}`);
  return code;
}
