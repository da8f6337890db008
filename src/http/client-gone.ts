import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away before its answer is complete, so that nobody works for it any longer. */
export function clientGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed)
    controller.abort(); // it was faster
  else raw.once('close', () => controller.abort());
  return controller.signal;
}
