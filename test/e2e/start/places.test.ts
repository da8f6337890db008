import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDirectory } from '../../support/embedded.js';
import { startNode } from '../../support/process.js';
import { launchServer } from '../../support/server.js';

const ROOT = join(__dirname, '../../..');
/** An ordinary user: `nobody` for root, and whoever runs the tests otherwise. */
const ordinary = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** A clone as far as npm start looks at it before it builds. */
async function makeClone(): Promise<string> {
  const clone = await openDirectory();
  await cp(join(ROOT, 'scripts'), join(clone, 'scripts'), { recursive: true });
  for (const path of ['src', 'node_modules/@nestjs/core', 'node_modules/@nestjs/cli/bin'])
    await mkdir(join(clone, path), { recursive: true });
  await writeFile(join(clone, 'node_modules/@nestjs/cli/bin/nest.js'), '');
  return clone;
}

it('npm start in a clone that this user cannot write says so in one sentence', async () => {
  const clone = await makeClone();
  await chmod(clone, 0o555);
  try {
    const start = startNode([join(clone, 'scripts/start.mjs')], {}, { ...ordinary, cwd: '/' });
    expect(await start.ended).toBe(1);
    expect(start.output()).toMatch(
      /^Building… failed: this user may not use \S+ \(EACCES\)\. Run "npm run build" once as the owner of [^\n]*\n$/,
    );
  } finally {
    await chmod(clone, 0o755);
    await rm(clone, { recursive: true });
  }
});

it.each(['/proc/no/such', '/dev/null/data', '/proc/version'])(
  'a DATA_DIR like %s says so in one sentence',
  async (dataDir) => {
    const server = launchServer({ dataDir });
    expect(await server.ended).toBe(1);
    expect(server.output()).toMatch(/^The embedded PostgreSQL cannot run: [^\n]*DATA_DIR[^\n]*\n$/);
  },
);
