import 'reflect-metadata';
import { run } from './server.js';

await run();
