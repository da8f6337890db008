import { createDataSource } from './src/database/data-source.js';

/**
 * What TypeORM's command line works on: `npm run typeorm -- migration:show`.
 * The server takes its options from the same function, and applies missing migrations at every start.
 */
const { DATABASE_URL: url } = process.env;
if (!url) throw new Error('Set DATABASE_URL: the embedded database migrates itself at every start.');

export default createDataSource({ url });
