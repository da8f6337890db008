/**
 * `npm start`: builds what is not built, then becomes the server. The server runs in this very process, so a signal
 * (Ctrl-C, `docker stop`, systemd) reaches it directly.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BuildError, ensureBuilt } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'dist/main.js');

try {
  assertUsable();
  ensureBuilt();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exit(1);
}

process.argv[1] = main; // as `node dist/main.js`
await import(pathToFileURL(main).href);

function assertUsable() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new BuildError(`Parley needs Node.js 20.19 or newer; this is ${process.version}.`);
  }
  if (!existsSync(join(root, 'node_modules/@nestjs/core'))) {
    throw new BuildError('The dependencies are not installed: run "npm ci" first, then "npm start" again.');
  }
}
