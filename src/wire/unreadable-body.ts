import type { ParleyError } from '../kernel/errors.js';

/** A body that could not be read. Fastify parses before Nest's guards run, so the complaint waits for the pipe. */
export class UnreadableBody {
  /** @param empty there was nothing to read, which is fine for a call that needs nothing */
  constructor(
    readonly error: ParleyError,
    readonly empty = false,
  ) {}
}
