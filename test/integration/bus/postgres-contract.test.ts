import pg from 'pg';
import { createTestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { describeBus } from './bus-contract.js';
import { openBusNode, silenceLogger } from './postgres-node.js';

beforeAll(() => void silenceLogger());

/** Ends the connection of a database's bus that began last. */
async function endNewestBusConnection(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  const { rows } = await client.query(
    `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'parley-bus'
     ORDER BY backend_start DESC LIMIT 1`,
  );
  expect(rows).toEqual([{ ended: true }]);
  await client.end();
}

describeBus('the bus over PostgreSQL', async () => {
  const database = await createTestDatabase();
  const here = await openBusNode(database.connection);
  const there = await openBusNode(database.connection);
  await eventually(() => expect(here.nodes.isAlone).toBe(false)); // well before its next heartbeat
  return {
    here: here.bus,
    there: there.bus,
    breakThere: () => endNewestBusConnection(database.connection),
    close: async () => {
      await here.close();
      await there.close();
      await database.drop();
    },
  };
});
