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
import { knownReason } from '../start-failure.js';

@Module({})
class CommandModule {}

/** What a command line program takes and does. */
export interface Command<Option extends string> {
  readonly usage: string;
  /** Each action with the number of words that must follow it. */
  readonly actions: Readonly<Record<string, number>>;
  /** Names of the options, each of which has a value. */
  readonly options: readonly Option[];
  run(app: INestApplicationContext, args: Arguments<Option>): Promise<void>;
}

export interface Arguments<Option extends string> {
  readonly action: string;
  readonly words: readonly string[];
  readonly options: Readonly<Partial<Record<Option, string>>>;
}

/** Runs a command on the server's database, beside a running server or without one. Errors are one line and exit 1. */
export async function runCommand<Option extends string>(command: Command<Option>): Promise<void> {
  try {
    const args = parse(command);
    if (args === 'help') console.log(command.usage);
    else await onDatabase((app) => command.run(app, args));
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : inOneLine(error));
    process.exitCode = 1;
  }
}

class UsageError extends Error {}

function parse<Option extends string>(command: Command<Option>): Arguments<Option> | 'help' {
  const { positionals, values } = parseWords(command);
  if (values.help === true) return 'help';
  const [action = '', ...words] = positionals;
  if (command.actions[action] !== words.length) throw new UsageError(command.usage);
  return { action, words, options: values as Arguments<Option>['options'] };
}

function parseWords({ options, usage }: Command<string>) {
  const known = Object.fromEntries(options.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({
      allowPositionals: true,
      options: { ...known, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ', 1)[0]}\n${usage}`);
  }
}

function inOneLine(error: unknown): string {
  const text = knownReason(error) ?? (error instanceof Error ? error.message : String(error));
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

async function onDatabase(work: (app: INestApplicationContext) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const embedded = config.DATABASE_URL
    ? undefined
    : await openEmbeddedDatabase({
        dataDir: config.DATA_DIR,
        purpose: 'tool',
        log: (line) => console.error(line), // which database it is: standard output is for what was asked
      });
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
