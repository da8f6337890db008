import { spawn } from 'node:child_process';
import { type TestProcess, watchProcess } from './process.js';

/** Runs a command in a terminal of its own (a pty) and passes on what is typed. */
const IN_A_PTY = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

/** A program that a person at a terminal has started. */
export interface TerminalProcess extends TestProcess {
  /** Presses Ctrl-C: the terminal signals every process of the foreground group. */
  pressControlC(): void;
}

/** Starts a command in a terminal. The environment is exactly the given one, plus PATH and HOME. */
export function startInTerminal(command: string[], env: NodeJS.ProcessEnv, cwd: string): TerminalProcess {
  const { PATH, HOME } = process.env;
  const child = spawn('python3', ['-c', IN_A_PTY, ...command], {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return { ...watchProcess(child), pressControlC: () => void child.stdin.write('\x03') };
}
