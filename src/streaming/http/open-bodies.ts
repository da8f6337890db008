import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Authenticator } from '../../auth/authenticator.js';
import { CredentialWatch } from '../../auth/credential-watch.js';
import type { Principal } from '../../auth/principal.js';
import { CONFIG, type Config } from '../../config/config.js';
import { ParleyError } from '../../kernel/errors.js';
import { type Reading, silent } from './body-text.js';

/** An answer that arrives as the body of a request. */
export class OpenBody implements Reading {
  hasBegun = false;
  private readonly stopping = new AbortController();
  private readonly first: NodeJS.Timeout;

  /** @param silence how long nothing may come, the first piece in particular, in milliseconds */
  constructor(
    readonly principal: Principal,
    readonly silence: number,
    private readonly onClose: (body: OpenBody) => void,
  ) {
    this.first = setTimeout(() => this.end(silent(silence)), silence);
  }

  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** Nothing is on its way: with the answer its connection may be closed, and the answer arrives all the same. */
  get isAbandoned(): boolean {
    const { reason } = this.stopping.signal as { reason: unknown };
    return reason instanceof ParleyError && reason.status !== 401;
  }

  readonly end = (reason?: ParleyError): void => this.stopping.abort(reason);

  /** It says to whom it goes. */
  isAddressed(): void {
    clearTimeout(this.first);
  }

  /** It is a message of the log: one of the streams of its key from now on. */
  begin(): void {
    this.hasBegun = true;
  }

  /** It is answered. */
  close(): void {
    clearTimeout(this.first);
    this.onClose(this);
  }
}

/**
 * The bodies that arrive at this node, and why one is read no further: its credential counts no longer, or this node goes
 * away and it has not even begun.
 */
@Injectable()
export class OpenBodies implements OnModuleInit, OnModuleDestroy {
  private readonly all = new Set<OpenBody>();
  private isStopped = false;

  constructor(
    private readonly authenticator: Authenticator,
    private readonly watch: CredentialWatch,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.watch.onLook(() => this.checkCredentials());
  }

  /** What has begun may end well until the node's time is up. */
  onModuleDestroy(): void {
    this.isStopped = true;
    for (const body of this.all) if (!body.hasBegun) body.end(goingAway());
  }

  /**
   * @throws ParleyError `rate_limit_exceeded` when as many bodies of this key as it may stream have not begun;
   *   `service_unavailable` when this node is going away
   */
  open(principal: Principal): OpenBody {
    if (this.isStopped) throw goingAway();
    const { MAX_STREAMS_PER_KEY: limit, STREAM_TIMEOUT_MS: silence } = this.config;
    let waiting = 0;
    for (const { hasBegun, principal: other } of this.all)
      if (!hasBegun && other.keyId === principal.keyId) waiting++;
    if (waiting >= limit)
      throw new ParleyError('rate_limit_exceeded', `An API key may begin ${limit} answers at once.`, {
        limit,
      });
    const body = new OpenBody(principal, silence, (closed) => void this.all.delete(closed));
    this.all.add(body);
    return body;
  }

  private checkCredentials(): void {
    for (const body of this.all) {
      const problem = this.authenticator.problem(body.principal);
      if (problem) body.end(new ParleyError(problem));
    }
  }
}

function goingAway(): ParleyError {
  return new ParleyError('service_unavailable', 'This node is shutting down.', {}, 1);
}
