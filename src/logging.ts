import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

/** What Nest tells of every module and route while it starts. */
const FRAMEWORK = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'WebSocketsController',
  'NestApplication',
]);

/** Whose only error is that it cannot listen: the start says that by itself, in a sentence. */
const LISTENING = 'NestApplication';

/** Nest's log lines as JSON through pino. Nothing that a caller sent is ever logged: no header, no body, no query. */
export class JsonLogger implements LoggerService {
  private readonly pino: Logger;

  constructor(level: string) {
    this.pino = pino({ level, base: undefined });
  }

  log(message: unknown, context?: string): void {
    const level = context !== undefined && FRAMEWORK.has(context) ? 'debug' : 'info';
    this.pino[level]({ context }, text(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    const level = context === LISTENING ? 'debug' : 'error';
    this.pino[level]({ context, ...(message instanceof Error && { err: message }) }, text(message));
  }

  warn(message: unknown, context?: string): void {
    this.pino.warn({ context }, text(message));
  }

  debug(message: unknown, context?: string): void {
    this.pino.debug({ context }, text(message));
  }

  verbose(message: unknown, context?: string): void {
    this.pino.trace({ context }, text(message));
  }
}

function text(message: unknown): string {
  if (message instanceof Error) return message.message;
  return typeof message === 'string' ? message : JSON.stringify(message);
}
