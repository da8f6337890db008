/**
 * Builds dist/ whole or not at all. `nest build` empties dist first and writes files even when types are wrong, so a
 * server that starts meanwhile would run half a program. Here it compiles into a folder of its own, which then takes
 * the name `dist` in one rename; two builds at once cost time, nothing else.
 *
 *   node scripts/build.mjs              builds
 *   node scripts/build.mjs --if-stale   builds if dist was not made from exactly these sources
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = '.stamp';
/** Whatever decides what the compiler writes; the lockfile stands for the compiler's own version. */
const inputs = ['src', 'nest-cli.json', 'package-lock.json', 'package.json', 'tsconfig.json'];

/** A sentence for the person at the terminal; no stack. */
export class BuildError extends Error {}

/** True where only the built program is: the production image. */
export const isBuiltOnly = () => !fs.existsSync(join(root, 'src')) && fs.existsSync(join(dist, 'main.js'));

/** Builds if dist was not made from exactly these sources. */
export function ensureBuilt() {
  if (!isBuiltOnly() && !isCurrent(sourceHash())) build({ unlessCurrent: true });
}

export function build({ unlessCurrent = false } = {}) {
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  if (!fs.existsSync(nest)) throw new BuildError('The dependencies are not installed: run "npm ci" first.');

  const started = performance.now();
  process.stderr.write('Building… '); // not stdout: `npm run --silent key` prints a key there
  try {
    buildInto(join(root, `.dist-${process.pid}`), nest, unlessCurrent);
  } catch (error) {
    throw fileFailure(error);
  }
  process.stderr.write(`done in ${((performance.now() - started) / 1000).toFixed(1)} s.\n`);
}

function buildInto(fresh, nest, unlessCurrent) {
  removeLeftovers();
  const hash = sourceHash(); // before compiling: an edit made meanwhile must not pass for built
  try {
    fs.mkdirSync(fresh);
    compile(nest, fresh);
    fs.writeFileSync(join(fresh, stamp), hash);
    install(fresh, () => unlessCurrent && isCurrent(hash));
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true });
  }
}

/** What a failed file operation means for the person at the terminal. */
function fileFailure(error) {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return new BuildError('failed: the disk is full.');
  if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return error;
  return new BuildError(
    `failed: this user may not use ${error.path} (${error.code}). Run "npm run build" once as the owner of ${root}, ` +
      'or use a copy of your own.',
  );
}

function compile(nest, outDir) {
  // tsconfig.json with another outDir. It lies in node_modules because `nest build` empties outDir before reading it.
  const cache = join(root, 'node_modules/.cache/parley');
  const config = join(cache, `tsconfig.${process.pid}.json`);
  fs.mkdirSync(cache, { recursive: true });
  const typeRoots = [join(root, 'node_modules/@types')];
  fs.writeFileSync(
    config,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: { outDir, typeRoots } }),
  );
  const args = [nest, 'build', '--path', relative(root, config)];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
  });
  fs.rmSync(config, { force: true });
  if (error) throw new BuildError(`The compiler did not start: ${error.message}`);
  if (status !== 0) throw new BuildError(`failed.\n${stdout}${stderr}`);
}

/** Gives a finished build the name dist. Another process may be doing the same: then the later one waits its turn. */
function install(fresh, isDone) {
  const old = `${fresh}-old`;
  for (let attempt = 1; !isDone(); attempt++) {
    try {
      fs.rmSync(old, { recursive: true, force: true });
      if (fs.existsSync(dist)) fs.renameSync(dist, old);
      fs.renameSync(fresh, dist);
      break;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
  fs.rmSync(old, { recursive: true, force: true });
}

function isCurrent(hash) {
  const file = join(dist, stamp);
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8') === hash;
}

function sourceHash() {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap(listFiles)) {
    hash.update(`\0${file}\0`).update(fs.readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

function listFiles(path) {
  if (!fs.existsSync(join(root, path))) return [];
  if (!fs.statSync(join(root, path)).isDirectory()) return [path];
  const names = fs.readdirSync(join(root, path)).sort();
  return names.flatMap((name) => listFiles(`${path}/${name}`));
}

/** What a build that was killed left behind. */
function removeLeftovers() {
  for (const name of fs.readdirSync(root)) {
    const pid = Number(/^\.dist-(\d+)(-old)?$/.exec(name)?.[1]);
    if (pid && !isAlive(pid)) fs.rmSync(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    if (process.argv.includes('--if-stale')) ensureBuilt();
    else build();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
