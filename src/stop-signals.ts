/**
 * A Ctrl-C reaches the server twice: the terminal signals every process of the group, and npm passes its own on.
 * What comes within this time after a signal is the same wish, in milliseconds.
 */
const ECHO = 1500;

/**
 * Listens to SIGTERM and SIGINT from now on.
 *
 * @param listener is told the signal and the how many-th wish to stop it is: 1, 2, …
 */
export function onStopSignal(listener: (signal: NodeJS.Signals, times: number) => void): void {
  let times = 0;
  let last = -Infinity;
  const hear = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (now - last < ECHO) return;
    last = now;
    listener(signal, ++times);
  };
  process.on('SIGTERM', hear).on('SIGINT', hear);
}
