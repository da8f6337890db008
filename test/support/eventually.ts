import { setTimeout as delay } from 'node:timers/promises';

/** Tries until `attempt` stops throwing, and gives its result; after the time limit it throws the last failure. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 5_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  for (const limit = Date.now() + timeoutMs; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= limit) throw error;
      await delay(everyMs);
    }
  }
}
