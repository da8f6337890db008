import './tier-up.js';
import 'reflect-metadata';
import { run } from './server.js';

await run();
