import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDirectory } from '../../support/embedded.js';
import { eventually } from '../../support/eventually.js';
import { type TestProcess, watchProcess } from '../../support/process.js';
import { quietPort } from '../faults/port.js';

const DEPLOY = join(__dirname, '../../../deploy');

/** A load balancer that `deploy/` has a configuration for. */
export type Kind = 'nginx' | 'haproxy';

/** One that runs, on loopback. */
export interface LoadBalancer {
  readonly url: string;
  readonly process: TestProcess;
  stop(): Promise<void>;
}

/** Whether its program is on this machine. Debian keeps them where only root looks. */
export function isInstalled(kind: Kind): boolean {
  return spawnSync(kind, ['-v'], { env: withSbin() }).status === 0;
}

/**
 * Runs the configuration of `deploy/` as it is, but for the addresses.
 *
 * @param nodes URLs, for `node-1`, `node-2` and so on
 */
export async function startLoadBalancer(kind: Kind, nodes: readonly string[]): Promise<LoadBalancer> {
  const directory = await openDirectory();
  const port = await quietPort();
  const process =
    kind === 'nginx' ? await nginx(directory, nodes, port) : await haproxy(directory, nodes, port);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await process.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await eventually(async () => {
      if (process.hasEnded()) return;
      const { status } = await fetch(`${url}/health/ready`);
      if (status !== 200) throw new Error(`GET /health/ready answered ${status}`);
    });
    if (process.hasEnded()) throw new Error(`${kind} ended`);
    return { url, process, stop };
  } catch (cause) {
    const said = process.output();
    await stop();
    throw new Error(`${kind} does not work: ${String(cause)}. It said:\n${said}`, { cause });
  }
}

async function nginx(directory: string, nodes: readonly string[], port: string): Promise<TestProcess> {
  const site = join(directory, 'parley.conf');
  await writeFile(site, withAddresses('nginx.conf', nodes, 'listen 80;', `listen 127.0.0.1:${port};`));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${directory}/${what};`,
  );
  const main = join(directory, 'nginx.conf');
  await writeFile(
    main,
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr notice;
     events { worker_connections 1024; }
     http { access_log off; ${temporary.join(' ')} include ${site}; }`,
  );
  return run('nginx', ['-c', main, '-e', 'stderr']);
}

async function haproxy(directory: string, nodes: readonly string[], port: string): Promise<TestProcess> {
  const file = join(directory, 'haproxy.cfg');
  await writeFile(file, withAddresses('haproxy.cfg', nodes, 'bind :80\n', `bind 127.0.0.1:${port}\n`));
  return run('haproxy', ['-db', '-f', file]);
}

function withAddresses(name: string, nodes: readonly string[], listen: string, here: string): string {
  const text = readFileSync(join(DEPLOY, name), 'utf8');
  const changed = nodes.reduce(
    (text, url, index) => text.replaceAll(`node-${index + 1}:3000`, new URL(url).host),
    text.replace(listen, here),
  );
  if (!changed.includes(here) || /node-\d+:3000/.test(changed))
    throw new Error(`deploy/${name} does not have the addresses that this test replaces`);
  return changed;
}

function run(program: string, args: string[]): TestProcess {
  return watchProcess(spawn(program, args, { env: withSbin(), stdio: ['ignore', 'pipe', 'pipe'] }));
}

function withSbin(): NodeJS.ProcessEnv {
  return { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin` };
}
