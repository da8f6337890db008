import type { LogEntry } from '../../src/kernel/events.js';
import type { ModelLog } from './model-log.js';

/** Whoever began after `position` has seen the log: in order, nothing missing, nothing twice, ending in its state. */
export function expectLog(log: ModelLog, position: number, seen: readonly LogEntry[]): void {
  expect(isInOrder(seen)).toBe(true);
  const due = log.written.filter(({ seq }) => seq > position);
  const written = new Set(due.map(key));
  expect(seen.filter((entry) => !written.has(key(entry)))).toEqual([]);
  // Positions whose message or session changed again meanwhile may be gone; all others were passed on.
  const passed = new Set(seen.map(key));
  expect(log.after(position, Infinity).entries.filter((entry) => !passed.has(key(entry)))).toEqual([]);
  expect(latest(seen)).toEqual(latest(due));
}

/** Each position once, except that a message and the session it bore share one. */
function isInOrder(entries: readonly LogEntry[]): boolean {
  return entries.every((entry, index) => {
    const before = entries[index - 1];
    if (!before || before.seq < entry.seq) return true;
    return before.seq === entry.seq && before.event === 'message' && entry.event === 'session';
  });
}

/** What a client that applies every entry ends with. */
function latest(entries: readonly LogEntry[]): Map<string, unknown> {
  return new Map(
    entries.map(({ event, data }) => {
      if (event === 'session') return [data.agent_session_id, data.updated_seq];
      const { seq, updated_seq } = data.parse();
      return [String(seq), updated_seq];
    }),
  );
}

function key({ seq, event }: LogEntry): string {
  return `${seq} ${event}`;
}
