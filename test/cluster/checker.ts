import type { ReadState } from './device.js';

/** A message as a list of the log has it, or as a 2xx has it. */
export interface Written {
  id: string;
  seq: number;
  content: string;
  sender: string;
}

/** All that is known of one platform user when everything has come to rest. */
export interface Evidence {
  user: string;
  /** One for each 2xx: repeats have the same content. */
  acknowledged: readonly Written[];
  /** Contents that may be in the log without a 2xx: nobody was told. */
  undecided?: ReadonlySet<string>;
  log: readonly Written[];
  /** What the server says of the log's end. */
  end: ReadState;
  /** How far it has been marked read, by the answers. */
  readUpTo: number;
  devices: readonly {
    name: string;
    ids: readonly string[];
    states: readonly ReadState[];
    faults: readonly string[];
  }[];
}

/**
 * Everything that breaks the delivery promise: a 2xx that is not in the log or is there twice, a hole, a device that has
 * not seen the log exactly, an unread count that does not hold at its position. None if all is well.
 */
export function findFaults(evidence: Evidence): string[] {
  const faults = [
    ...logFaults(evidence),
    ...evidence.devices.flatMap((device) => deviceFaults(evidence, device)),
  ];
  faults.push(...stateFaults(evidence, 'the end', evidence.end));
  if (evidence.end.seq !== evidence.log.length)
    faults.push(`the end is at ${evidence.end.seq}, the log has ${evidence.log.length}`);
  if (evidence.end.read_seq !== evidence.readUpTo)
    faults.push(`the log is read up to ${evidence.end.read_seq}, and was marked up to ${evidence.readUpTo}`);
  return faults.map((fault) => `${evidence.user}: ${fault}`);
}

function logFaults({ log, acknowledged, undecided }: Evidence): string[] {
  const faults = log.flatMap(({ seq }, index) =>
    seq === index + 1 ? [] : [`the log has ${seq} at place ${index + 1}`],
  );
  const answered = new Set(acknowledged.map(({ content }) => content));
  const found = new Map<string, Written>();
  for (const entry of log) {
    const { content, seq } = entry;
    if (found.has(content))
      faults.push(`"${content}" is in the log twice: ${found.get(content)?.seq} and ${seq}`);
    if (!answered.has(content) && !undecided?.has(content))
      faults.push(`"${content}" is in the log, and nobody wrote it`);
    found.set(content, entry);
  }
  for (const { content, id, seq } of acknowledged) {
    const entry = found.get(content);
    if (!entry) faults.push(`"${content}" was answered 2xx and is lost`);
    else if (entry.id !== id || entry.seq !== seq)
      faults.push(`"${content}" was answered as ${id} at ${seq} and is ${entry.id} at ${entry.seq}`);
  }
  return faults;
}

function deviceFaults(
  evidence: Evidence,
  { name, ids, states, faults }: Evidence['devices'][number],
): string[] {
  const { log } = evidence;
  const seen = log.flatMap(({ id, seq }, index) =>
    ids[index] === id ? [] : [`${name} has seen ${ids[index] ?? 'nothing'} at ${seq}, which is ${id}`],
  );
  if (ids.length > log.length) seen.push(`${name} has seen ${ids.length} messages of ${log.length}`);
  return [...faults, ...seen, ...states.flatMap((state) => stateFaults(evidence, name, state))];
}

function stateFaults({ log }: Evidence, who: string, state: ReadState): string[] {
  const { seq, read_seq, unread_count } = state;
  const unread = log.slice(read_seq, seq).filter(({ sender }) => sender !== 'user').length;
  if (unread === unread_count) return [];
  return [
    `${who} was told of ${unread_count} unread at ${seq}, read up to ${read_seq}: there were ${unread}`,
  ];
}
