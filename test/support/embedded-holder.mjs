/**
 * Holds an embedded database until SIGTERM, as a server or a tool would:
 *   node embedded-holder.mjs OPEN_MODULE DATA_DIR PURPOSE
 * Prints `opened {connection}`, `failed {name, message}`, `stopped`; what the database logs goes to stderr.
 */
import { pathToFileURL } from 'node:url';

const [openModule, dataDir, purpose] = process.argv.slice(2);
const { openEmbeddedDatabase } = await import(pathToFileURL(openModule).href);

try {
  const database = await openEmbeddedDatabase({ dataDir, purpose, log: (line) => console.error(line) });
  process.once('SIGTERM', async () => {
    await database.stop();
    console.log('stopped');
  });
  console.log(`opened ${JSON.stringify(database.connection)}`);
} catch (error) {
  console.log(`failed ${JSON.stringify({ name: error.name, message: error.message })}`);
  process.exitCode = 1;
}
