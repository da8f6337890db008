/**
 * Starts a PostgreSQL of its own, out of the embedded binaries, which nobody restarts but who runs this again:
 *   node start-postgres.mjs DIST_EMBEDDED DATA_DIR
 * Prints its connection and process id as JSON, and leaves it running.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [embedded, dataDir] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(embedded, `${name}.js`)).href);

const { accountFor, clusterLink, findCluster } = await load('cluster');
const { findBinaries } = await load('binaries');
const { createCluster } = await load('create-cluster');
const { startPostmaster } = await load('postmaster');
const { chooseSocketDirectory } = await load('socket-directory');
const { readPidFile } = await load('pid-file');
const { PORT, SUPERUSER } = await load('settings');

const link = clusterLink(dataDir);
const existing = await findCluster(link);
const account = await accountFor(existing);
const binaries = await findBinaries(account);
const cluster = existing ?? (await createCluster(link, binaries, account));
await startPostmaster({ cluster, binaries, account }, await chooseSocketDirectory(cluster, account));
const { pid, socketDirectory: host } = await readPidFile(cluster);
console.log(JSON.stringify({ pid, connection: { host, port: PORT, user: SUPERUSER, database: 'postgres' } }));
