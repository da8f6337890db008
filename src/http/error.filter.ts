import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
  NotFoundException,
} from '@nestjs/common';
import { ThrottlerException } from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import { Authenticator } from '../auth/authenticator.js';
import type { Principal } from '../auth/principal.js';
import { ERROR_ROWS, ParleyError, tooLarge } from '../kernel/errors.js';
import { type ChargedRequest, HttpRateLimit } from '../rate-limit/http/http-rate-limit.js';

/** Most characters of an unknown path that its answer repeats. */
const LONGEST_PATH = 200;

/** The error of the table that stands for whatever was thrown. */
export function toParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  if (thrown instanceof ThrottlerException) return new ParleyError('rate_limit_exceeded');
  if (thrown instanceof HttpException) return fromStatus(thrown.getStatus());
  const status = (thrown as { statusCode?: unknown } | null)?.statusCode; // Fastify's own: body too large, bad URL
  return typeof status === 'number' && status < 500 ? fromStatus(status) : new ParleyError('internal_error');
}

/** Turns everything that is thrown into the contract's error shape. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  constructor(
    private readonly rateLimit: HttpRateLimit,
    private readonly authenticator: Authenticator,
  ) {}

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<ChargedRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = await this.charged(thrown, request, reply);
    if (error.status >= 500) this.log(thrown, error, request);
    if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter));
    void reply.status(error.status).send({ error: error.toBody(), detail: error.message });
  }

  /** Requests that failed before the rate limit was reached (no such route, no credential) are charged too. */
  private async charged(thrown: unknown, request: ChargedRequest, reply: FastifyReply): Promise<ParleyError> {
    try {
      request.principal ??= await this.principalOf(request);
      await this.rateLimit.charge(request, reply);
      return thrown instanceof NotFoundException ? noSuchRoute(request) : toParleyError(thrown);
    } catch (exceeded) {
      return toParleyError(exceeded);
    }
  }

  /** A request that no route took is its principal's all the same. */
  private async principalOf({ charged, headers }: ChargedRequest): Promise<Principal | undefined> {
    if (charged || headers.authorization === undefined) return undefined;
    return this.authenticator.header(headers.authorization).catch(() => undefined);
  }

  private log(thrown: unknown, error: ParleyError, request: ChargedRequest): void {
    const cause = thrown instanceof ParleyError ? (thrown.cause ?? thrown) : thrown;
    const line = `${request.method} ${request.routeOptions.url ?? '?'} ${error.status} ${error.code} (request ${request.id})`;
    this.logger.error(cause instanceof Error ? `${line}: ${cause.stack ?? cause.message}` : line);
  }
}

/** Nest's router is the only one that throws this. */
function noSuchRoute({ method, originalUrl }: ChargedRequest): ParleyError {
  const path = originalUrl.split(/[?#]/, 1)[0] ?? '';
  const shown = path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path;
  return new ParleyError('resource_not_found', `There is no ${method} ${shown}; /docs lists what there is.`);
}

function fromStatus(status: number): ParleyError {
  if (status === 413) return tooLarge();
  const row = ERROR_ROWS.find((candidate) => candidate.status === status);
  return new ParleyError(row?.code ?? (status < 500 ? 'invalid_request' : 'internal_error'));
}
