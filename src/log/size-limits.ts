import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { tooLarge } from '../kernel/errors.js';

/** What is changed piece by piece may not grow beyond what could have been sent at once. */
@Injectable()
export class SizeLimits {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /**
   * A value as JSON text.
   *
   * @throws ParleyError 413 `invalid_request` when it has more than `MAX_BODY_BYTES`
   */
  json(value: unknown): string {
    const text = JSON.stringify(value);
    const { MAX_BODY_BYTES: limit } = this.config;
    if (Buffer.byteLength(text) <= limit) return text;
    throw tooLarge(`With this change it would have more than ${limit} bytes.`, { limit });
  }
}
