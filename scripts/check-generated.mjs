/**
 * openapi.json, asyncapi.json and schema.sql are committed, so that a review shows what a change does to clients and
 * tables. This writes them anew and fails if that changed one of them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError, ensureBuilt } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const writers = {
  'dist/cli/write-docs.js': ['openapi.json', 'asyncapi.json'],
  'dist/database/dump-schema.js': ['schema.sql'],
};
const read = (file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : undefined);

try {
  const drifted = findDrift();
  if (drifted.length > 0) {
    throw new BuildError(
      `Out of date: ${drifted.join(', ')}. Here they are up to date now (elsewhere: "npm run generate");` +
        ' look at the difference and commit it with the change that caused it.',
    );
  }
  console.log(`Generated files are current: ${Object.values(writers).flat().join(', ')}.`);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function findDrift() {
  ensureBuilt();
  const files = Object.values(writers).flat();
  const before = new Map(files.map((file) => [file, read(file)]));
  for (const [writer, written] of Object.entries(writers)) {
    run(writer);
    const missing = written.filter((file) => read(file) === undefined);
    if (missing.length > 0) throw new BuildError(`${writer} did not write ${missing.join(', ')}.`);
  }
  return files.filter((file) => before.get(file) !== read(file));
}

function run(writer) {
  if (read(writer) === undefined) throw new BuildError(`${writer} is missing: is its source in src/?`);
  const { status, signal } = spawnSync(process.execPath, [writer], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new BuildError(`${writer} failed (${signal ?? `exit ${status}`}).`);
}
