import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { createDataSource } from './data-source.js';
import { describeSchema } from './describe-schema.js';
import { withTemporaryDatabase } from './temporary.js';

/** Writes `schema.sql` to the current directory. */
await withTemporaryDatabase(async (address) => {
  const dataSource = await createDataSource(address).initialize();
  await writeFile('schema.sql', await describeSchema(dataSource));
  await dataSource.destroy();
});
