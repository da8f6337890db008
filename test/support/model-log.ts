import type { LogEntry, LogHint } from '../../src/kernel/events.js';
import { JsonText } from '../../src/kernel/json-text.js';
import type { Message, ReadState, Session } from '../../src/kernel/wire.dto.js';
import type { Slice } from '../../src/follow/follower.js';

/** A change of a log: what a writer may do to it. */
export type Change =
  | { kind: 'append'; count: number; born: boolean }
  | { kind: 'edit' | 'read' | 'readUpTo'; target: number }
  | { kind: 'session'; target: number };

/** A platform user's log in memory, which keeps of each message and session the latest state, as the database does. */
export class ModelLog {
  state: ReadState = { seq: 0, read_seq: 0, unread_count: 0 };
  /** Everything that was ever written, as it was then. */
  readonly written: LogEntry[] = [];
  private readonly messages = new Map<number, Message>();
  private readonly sessions = new Map<string, Session>();

  /** Commits a change, and gives the hints that its writer would publish. */
  commit(change: Change): LogHint[] {
    if (change.kind === 'append')
      return Array.from({ length: change.count }, (_, index) => this.append(change.born && index === 0));
    if (change.kind === 'session') return this.changeSession(change.target);
    if (change.kind === 'readUpTo') return this.readUpTo(change.target % (this.state.seq + 1));
    const message = [...this.messages.values()][change.target % this.messages.size];
    return message === undefined ? [] : this.update(message, change.kind === 'read');
  }

  /** The log after a position, in its latest state: what a query would answer now. */
  after(position: number, limit: number): Slice {
    const messages = [...this.messages.values()].flatMap((message): LogEntry[] => [
      { seq: message.seq, event: 'message', data: JsonText.write({ ...message, updated_seq: message.seq }) },
      ...(message.updated_seq > message.seq
        ? [{ seq: message.updated_seq, event: 'message:updated', data: JsonText.write(message) } as const]
        : []),
    ]);
    const sessions = [...this.sessions.values()].map((data): LogEntry => ({
      seq: data.updated_seq,
      event: 'session',
      data,
    }));
    const all = [...messages, ...sessions].filter(({ seq }) => seq > position);
    const entries = all.sort((a, b) => a.seq - b.seq || a.event.localeCompare(b.event)).slice(0, limit);
    const complete = entries.length < limit;
    const last = entries.at(-1)?.seq;
    return {
      entries: complete ? entries : entries.filter(({ seq }) => seq !== last),
      state: this.state,
      complete,
    };
  }

  private append(born: boolean): LogHint {
    const seq = this.state.seq + 1;
    const message = {
      seq,
      updated_seq: seq,
      read: false,
      agent_session_id: `s${this.sessions.size}`,
    } as Message;
    this.messages.set(seq, message);
    this.state = { ...this.state, seq, unread_count: this.state.unread_count + 1 };
    const entries: LogEntry[] = [{ seq, event: 'message', data: JsonText.write(message) }];
    if (born)
      entries.push(
        this.saveSession({ agent_session_id: `s${this.sessions.size}`, updated_seq: seq } as Session),
      );
    return this.hint(entries);
  }

  private update(before: Message, read: boolean): LogHint[] {
    if (read && before.read) return [];
    const seq = this.state.seq + 1;
    const message = { ...before, updated_seq: seq, read: before.read || read };
    const wasUnread = read && before.seq > this.state.read_seq;
    this.messages.set(message.seq, message);
    this.state = { ...this.state, seq, unread_count: this.state.unread_count - Number(wasUnread) };
    return [this.hint([{ seq, event: 'message:updated', data: JsonText.write(message) }], read)];
  }

  private readUpTo(horizon: number): LogHint[] {
    if (horizon <= this.state.read_seq) return [];
    const unread = [...this.messages.values()].filter(({ seq, read }) => seq > horizon && !read);
    this.state = { ...this.state, read_seq: horizon, unread_count: unread.length };
    return [this.hint([], true)];
  }

  private changeSession(target: number): LogHint[] {
    const before = [...this.sessions.values()][target % this.sessions.size];
    if (before === undefined) return [];
    const seq = this.state.seq + 1;
    this.state = { ...this.state, seq };
    return [this.hint([this.saveSession({ ...before, updated_seq: seq })])];
  }

  private saveSession(session: Session): LogEntry {
    this.sessions.set(session.agent_session_id, session);
    return { seq: session.updated_seq, event: 'session', data: session };
  }

  private hint(entries: LogEntry[], read = false): LogHint {
    this.written.push(...entries);
    return { kind: 'log', userId: 1, entries, state: this.state, read };
  }
}
