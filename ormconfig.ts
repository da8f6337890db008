import 'reflect-metadata';
import { createDataSource } from './dist/database/data-source.js';

/**
 * TypeORM's command line reads this: `npx typeorm migration:show -d dist/ormconfig.js` after a build.
 * The server itself takes its options from the same function.
 */
const { DATABASE_URL: url } = process.env;
if (!url) throw new Error('Set DATABASE_URL: the embedded database migrates itself at every start.');

export default createDataSource({ url });
