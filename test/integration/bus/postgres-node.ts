import { Logger } from '@nestjs/common';
import { PostgresBus } from '../../../src/bus/postgres-bus.js';
import { createDataSource, type DatabaseAddress } from '../../../src/database/data-source.js';
import { Database } from '../../../src/database/database.js';
import { NodeRegistry } from '../../../src/nodes/node-registry.js';

/** What one node has of the bus: wired as in the server, without the server. */
export interface BusNode {
  readonly bus: PostgresBus;
  readonly nodes: NodeRegistry;
  close(): Promise<void>;
}

/** @param busAddress where the bus finds the database, if another way than the rest of the node (through a proxy) */
export async function openBusNode(
  address: DatabaseAddress,
  busAddress: DatabaseAddress = address,
): Promise<BusNode> {
  const dataSource = await createDataSource(address).initialize();
  const nodes = new NodeRegistry(new Database(dataSource));
  const bus = new PostgresBus(busAddress, nodes);
  const close = async (): Promise<void> => {
    await nodes.onModuleDestroy();
    await bus.onApplicationShutdown();
    await dataSource.destroy();
  };
  try {
    await nodes.onModuleInit();
    await bus.onModuleInit();
  } catch (error) {
    await close();
    throw error;
  }
  return { bus, nodes, close };
}

/** What the bus would write on the log of the server, kept out of the test's output. */
export function silenceLogger(): {
  debug: jest.SpyInstance;
  warn: jest.SpyInstance;
  error: jest.SpyInstance;
} {
  const silence = (level: 'debug' | 'warn' | 'error'): jest.SpyInstance =>
    jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
  return { debug: silence('debug'), warn: silence('warn'), error: silence('error') };
}
