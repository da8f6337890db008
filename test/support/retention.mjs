/**
 * What V8 keeps until its next full collection, though nobody needs it any longer:
 *   node --expose-gc --no-opt retention.mjs DIST CONNECTION
 * Prints by how many bytes the old generation grew, at most, while statements came and went over a pipeline. Optimised code
 * keeps less, now and then: hence --no-opt.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getHeapSpaceStatistics } from 'node:v8';
import pg from 'pg';

const [dist, connection] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { Pipeline } = await load('database/pipeline.js');
const { WatchedClient } = await load('database/watched-client.js');

const ROUNDS = 6000;
/** Rounds in which code is compiled, which is kept as well. */
const WARM_UP = 2000;
const old = () =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space').space_used_size;

/** Two rounds are always under way. */
async function growthOver(round) {
  let done = 0;
  let before = 0;
  let most = 0;
  const run = async () => {
    while (done < ROUNDS) {
      await round();
      if (++done === WARM_UP) {
        globalThis.gc();
        before = old();
      }
      if (done > WARM_UP && done % 100 === 0) most = Math.max(most, old() - before);
    }
  };
  await Promise.all([run(), run()]);
  return most;
}

const pool = new pg.Pool({
  ...JSON.parse(connection),
  Client: WatchedClient,
  answerTimeout: 20_000,
  pipeline: true,
});
const statements = new Pipeline(pool);
const ROWS = {
  name: 'rows',
  text: `SELECT repeat('x', 50) || i AS text FROM generate_series(1, 12) AS i`,
};
const bytes = await growthOver(() => statements.query(ROWS));
await pool.end();

console.log(bytes);
