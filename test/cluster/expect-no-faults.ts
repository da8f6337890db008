import type { Cluster } from './cluster.js';

const SHOWN = 40;

/** Fails with the seed, everything that was done, and the last words of the nodes. */
export function expectNoFaults(cluster: Cluster, faults: readonly string[]): void {
  if (faults.length === 0) return;
  const shown = [
    ...faults.slice(0, SHOWN),
    ...(faults.length > SHOWN ? [`and ${faults.length - SHOWN} more`] : []),
  ];
  throw new Error(
    [`${faults.length} faults:`, ...shown, cluster.history.toString(), cluster.outputs()].join('\n'),
  );
}
