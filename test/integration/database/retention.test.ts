import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

/** Bytes. What `pg` keeps (decision 22) is 8 MB here. */
const LITTLE = 1024 * 1024;
const ROOT = join(__dirname, '../../..');

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('what a statement held', () => {
  it('is free at once, and not only at the next full collection', async () => {
    const script = [join(ROOT, 'test/support/retention.mjs'), join(ROOT, 'dist')];
    const args = ['--expose-gc', '--no-opt', ...script, JSON.stringify(database.connection)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/^\d+\n$/);
    expect(Number(stdout)).toBeLessThan(LITTLE);
  });
});
