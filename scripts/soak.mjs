/**
 * `npm run soak -- --minutes N --seed S`: faults of all kinds at random against real nodes, on both buses, with a checker
 * that knows every 2xx (test/cluster). Prints the seed and the history of faults and exits 1 when anything was lost,
 * doubled or out of order. Rounds take about a minute; one that has begun is finished.
 *
 * Options: --minutes N (10), --seed S (a new one): that of a failed round runs it again, as the first.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const wrong = Object.entries(values).filter(([, value]) => !(Number(value) >= 0));
if (wrong.length > 0) {
  console.error(`${wrong.map(([name]) => `--${name}`).join(' and ')} must be a number from 0.`);
  process.exit(2);
}
const jest = spawn(
  process.execPath,
  [join(root, 'node_modules/jest/bin/jest.js'), '--selectProjects', 'soak', '--runInBand'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PARLEY_SOAK_MINUTES: values.minutes, PARLEY_SEED: values.seed },
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.once('exit', (code) => process.exit(code ?? 1));
