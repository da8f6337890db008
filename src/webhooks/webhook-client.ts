import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, request } from 'undici';
import { CONFIG, type Config } from '../config/config.js';
import { parseRetryAfter } from './retry-schedule.js';
import { TargetGuard } from './target-guard.js';

/** Bytes of an answer that are read at most; the rest is not waited for. */
const MAX_RESPONSE_BYTES = 65_536;
/** Bytes of an answer that the delivery log keeps. */
const EXCERPT_BYTES = 1024;
/** Connections that one node keeps to one origin. */
const CONNECTIONS = 32;
/** How long a connection is kept for the next request, in milliseconds. */
const KEEP_ALIVE = 4000;

/** How an endpoint answered, or why it did not. */
export interface Answer {
  status: number | null;
  /** In words, if it is not a success. */
  error: string | null;
  response: string | null;
  /** Milliseconds that the endpoint wants to be left alone. */
  retryAfter?: number;
  durationMs: number;
}

/** Posts to endpoints: no redirects, no target that {@link TargetGuard} refuses, and no more time or bytes than allowed. */
@Injectable()
export class WebhookClient implements OnApplicationShutdown {
  private readonly agent: Agent;
  private readonly timeout: number;

  constructor(
    private readonly guard: TargetGuard,
    @Inject(CONFIG) { WEBHOOK_TIMEOUT_MS }: Config,
  ) {
    this.timeout = WEBHOOK_TIMEOUT_MS;
    this.agent = new Agent({
      connections: CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE,
      connect: { lookup: guard.lookup, timeout: WEBHOOK_TIMEOUT_MS },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }

  /**
   * Posts JSON once. Never throws: what went wrong is the answer.
   *
   * @param stop aborts it: then the answer is `undefined`, as nobody knows whether it has arrived
   */
  async post(
    url: string,
    body: string,
    headers: Record<string, string>,
    stop: AbortSignal,
  ): Promise<Answer | undefined> {
    const startedAt = performance.now();
    const finish = (answer: Omit<Answer, 'durationMs'>): Answer => ({
      ...answer,
      durationMs: Math.round(performance.now() - startedAt),
    });
    const timeout = AbortSignal.timeout(this.timeout);
    try {
      this.guard.checkAddress(new URL(url));
      return finish(await this.send(url, body, headers, AbortSignal.any([stop, timeout])));
    } catch (error) {
      if (stop.aborted) return undefined;
      const problem = timeout.aborted ? `no answer within ${this.timeout} ms` : problemOf(error);
      return finish({ status: null, error: problem, response: null });
    }
  }

  private async send(
    url: string,
    body: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Omit<Answer, 'durationMs'>> {
    const answer = await request(url, {
      method: 'POST',
      dispatcher: this.agent,
      signal,
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Parley-Webhooks/1' },
      body,
    });
    const response = await excerpt(answer.body);
    const retryAfter = parseRetryAfter(single(answer.headers['retry-after']), Date.now());
    const status = answer.statusCode;
    const error = status >= 200 && status < 300 ? null : `answered ${status}`;
    return { status, error, response, ...(retryAfter !== undefined && { retryAfter }) };
  }
}

/** The beginning of a body, as text that PostgreSQL can keep. What is longer than allowed is cut off, connection and all. */
async function excerpt(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> {
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (bytes < EXCERPT_BYTES) kept.push(chunk.subarray(0, EXCERPT_BYTES - bytes));
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) break; // ends the iteration, which destroys the body
  }
  return Buffer.concat(kept).toString().replaceAll('\0', '');
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** What went wrong, without the stack, and without what a host name of the inside leads to. */
function problemOf(error: unknown): string {
  const { message = '', code } = error as { message?: string; code?: string };
  return (message || code || 'failed').slice(0, 200);
}
