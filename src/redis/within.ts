/** Something took longer than it may. */
export class TimeoutError extends Error {}

/**
 * Waits for a promise, but not for ever. An answer that lay unread while this process was busy still counts.
 *
 * @param milliseconds longest wait
 * @param signal ends the wait early, with its reason
 * @throws TimeoutError when time is up; what comes later is ignored
 */
export function within<T>(milliseconds: number, promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => finish(() => reject(signal?.reason as Error));
    const expire = (): void => finish(() => reject(new TimeoutError(`no answer within ${milliseconds} ms`)));
    const timer = setTimeout(() => setImmediate(expire), milliseconds);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    promise.then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort);
  });
}
