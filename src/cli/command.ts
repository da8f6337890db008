import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthModule } from '../auth/auth.module.js';
import { loadConfig } from '../config/config.js';
import { ConfigModule } from '../config/config.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { openEmbeddedDatabase } from '../database/embedded/open.js';
import { migrateDatabase } from '../database/migrate.js';

@Module({})
class CommandModule {}

export type Arguments = ReturnType<typeof parseArgs<{ allowPositionals: true; options: typeof OPTIONS }>>;

const OPTIONS = {
  account: { type: 'string' },
  name: { type: 'string' },
  scopes: { type: 'string' },
  'rate-limit': { type: 'string' },
} as const;

/** Runs a command on the server's database, beside a running server or without one. Errors are one line and exit 1. */
export async function command(
  work: (app: INestApplicationContext, args: Arguments) => Promise<void>,
): Promise<void> {
  try {
    const args = parseArgs({ allowPositionals: true, options: OPTIONS });
    await onDatabase((app) => work(app, args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function onDatabase(work: (app: INestApplicationContext) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const embedded = config.DATABASE_URL
    ? undefined
    : await openEmbeddedDatabase({ dataDir: config.DATA_DIR, purpose: 'tool' });
  try {
    const address = embedded?.connection ?? { url: config.DATABASE_URL as string };
    await migrateDatabase(address);
    const imports = [ConfigModule.with(config), DatabaseModule.with(address, 2), AuthModule];
    const app = await NestFactory.createApplicationContext(
      { module: CommandModule, imports },
      { logger: ['error'], abortOnError: false },
    );
    await work(app).finally(() => app.close());
  } finally {
    await embedded?.stop();
  }
}
