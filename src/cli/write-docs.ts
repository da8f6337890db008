import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { createApp } from '../app.setup.js';
import { loadConfig } from '../config/config.js';
import { withTemporaryDatabase } from '../database/temporary.js';
import { createAsyncApi } from '../docs/asyncapi.js';
import { createOpenApi } from '../docs/openapi.js';

/** Writes `openapi.json` and `asyncapi.json` to the current directory, from the classes that the server runs. */
await withTemporaryDatabase(async (address) => {
  const app = await createApp(loadConfig({}), address, false);
  const openApi = createOpenApi(app);
  await writeFile('openapi.json', `${JSON.stringify(openApi, null, 2)}\n`);
  await writeFile('asyncapi.json', `${JSON.stringify(createAsyncApi(openApi), null, 2)}\n`);
  await app.close();
});
