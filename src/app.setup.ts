import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AgentConnections } from './agents/agent-connections.js';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import type { DatabaseAddress } from './database/data-source.js';
import { serveDocs } from './docs/serve.js';
import { LogWaiter } from './follow/log-waiter.js';
import { createFastifyAdapter } from './http/fastify.js';
import { Metrics } from './metrics/metrics.js';
import { observeRequests } from './metrics/http/observe-requests.js';
import { LiveConnections } from './push/live-connections.js';
import { PushAdapter } from './push/ws/io.adapter.js';
import { RateLimit } from './rate-limit/rate-limit.js';

/** The application, wired as `main` and the tests run it. Not listening yet. */
export async function createApp(
  config: Config,
  database: DatabaseAddress,
  logger: LoggerService | false,
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with(config, database),
    createFastifyAdapter(config),
    { logger, bodyParser: false, abortOnError: false },
  );
  app.useWebSocketAdapter(new PushAdapter(app, config));
  enableCors(app, config);
  observeRequests(app);
  countConnections(app);
  countWaitingCalls(app);
  tellOfLocalLimits(app);
  serveDocs(app);
  return app;
}

/** What a node is scaled by: it carries connections, whether they say anything or not. */
function countConnections(app: NestFastifyApplication): void {
  const [live, agents] = [app.get(LiveConnections), app.get(AgentConnections)];
  const help = 'Sockets, those of agents included, and event streams that are open on this node.';
  app.get(Metrics).gauge('parley_connections', help, () => live.size + agents.size);
}

/** Each holds a request of its client open. */
function countWaitingCalls(app: NestFastifyApplication): void {
  const waiter = app.get(LogWaiter);
  const help = 'Calls with `wait` that this node has not answered yet.';
  app.get(Metrics).gauge('parley_waiting_calls', help, () => waiter.size);
}

/** Budgets are spent once for each node meanwhile: somebody should know. */
function tellOfLocalLimits(app: NestFastifyApplication): void {
  const limits = app.get(RateLimit);
  const help =
    'Whether this node counts requests by itself (1), because Redis or PostgreSQL is away or slow, or not (0).';
  app.get(Metrics).gauge('parley_rate_limit_local', help, () => Number(limits.isLocal));
}

const EXPOSED_HEADERS = [
  'X-Request-Id',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Idempotent-Replayed',
];

function enableCors(app: NestFastifyApplication, { CORS_ORIGINS: origins }: Config): void {
  if (origins.length === 0) return;
  app.enableCors({
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  });
}
