import { setTimeout as delay } from 'node:timers/promises';
import { call, type Answer } from '../support/http.js';
import type { Random } from './random.js';

const LIMIT_MS = 5_000;
const RETRY_MS = { min: 20, max: 150 };

/** Somebody who asks a cluster over REST. */
export interface RestCaller {
  /** What must not happen and has. */
  readonly faults: readonly string[];
  /** Attempts that were answered 503, and that were not answered. */
  readonly unavailable: number;
  readonly unanswered: number;
  /** Repeats the call until it is answered 2xx: it must be one that may be repeated. @returns the body */
  ask(method: string, path: string, body?: object): Promise<any>;
  close?(): void;
}

/** A REST client of a cluster: asks any node, and again another one when that does not answer or says 503. */
export class RestClient implements RestCaller {
  readonly faults: string[] = [];
  unavailable = 0;
  unanswered = 0;

  constructor(
    private readonly key: string,
    private readonly chooseUrl: () => string,
    private readonly random: Random,
  ) {}

  async ask(method: string, path: string, body?: object): Promise<any> {
    for (;;) {
      const answer = await this.attempt(method, path, body).catch(() => undefined);
      if (answer === undefined) this.unanswered++;
      else if (answer.status < 300) return answer.body;
      else if (answer.status === 503) this.unavailable++;
      else this.faults.push(`${method} ${path} was answered ${answer.status} ${answer.text.slice(0, 300)}`);
      await delay(this.random.integer(RETRY_MS.min, RETRY_MS.max));
    }
  }

  private attempt(method: string, path: string, body?: object): Promise<Answer> {
    const late = delay(LIMIT_MS, undefined, { ref: false }).then(() => {
      throw new Error('no answer');
    });
    return Promise.race([call(this.chooseUrl(), method, path, { credential: this.key, body }), late]);
  }
}
