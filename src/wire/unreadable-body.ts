import type { ParleyError } from '../kernel/errors.js';

/** A body that could not be read. Fastify parses before Nest's guards run, so the complaint waits for the pipe. */
export class UnreadableBody {
  constructor(readonly error: ParleyError) {}
}
