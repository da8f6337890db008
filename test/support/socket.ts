import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { eventually } from './eventually.js';

export type ConnectOptions = Partial<ManagerOptions & SocketOptions>;

/** One event that a socket received. */
export interface Received {
  event: string;
  data: any;
}

/** A stock client that keeps everything it receives. */
export interface Recorder {
  readonly socket: Socket;
  /** Everything received so far, in order. */
  readonly received: readonly Received[];
  /** Data of each event of this name so far. */
  events(name: string): any[];
  /** The first event of this name that no earlier `next` gave; waits for it. */
  next(name: string, timeoutMs?: number): Promise<any>;
  /** Sends a command and gives its acknowledgement; throws when none comes. */
  command(event: string, ...args: unknown[]): Promise<any>;
  /** Waits until the connection is gone, and gives the reason. */
  cut(timeoutMs?: number): Promise<string>;
  close(): void;
}

const ACK_LIMIT_MS = 10_000;
const open = new Set<Socket>();

/** Closes every socket that {@link connect} and {@link dial} opened: for `afterEach`. */
export function closeSockets(): void {
  for (const socket of open) socket.disconnect();
  open.clear();
}

/** Connects and waits for `ready`. Does not reconnect unless asked. */
export async function connect(
  url: string,
  auth: Record<string, unknown>,
  options: ConnectOptions = {},
): Promise<Recorder> {
  const recorder = dial(url, auth, options);
  await eventually(() => {
    const refusal = recorder.received.find(({ event }) => event === 'connect_error');
    if (refusal) return;
    if (recorder.events('ready').length === 0) throw new Error('no ready came');
  });
  const refusal = recorder.events('connect_error')[0] as (Error & { data?: unknown }) | undefined;
  if (refusal) throw new Error(`refused: ${refusal.message} ${JSON.stringify(refusal.data)}`);
  return recorder;
}

/** Begins to connect and does not wait. `connect_error` and `disconnect` are recorded like events. */
export function dial(url: string, auth: Record<string, unknown>, options: ConnectOptions = {}): Recorder {
  const socket = io(url, {
    forceNew: true,
    reconnection: false,
    transports: ['websocket'],
    auth,
    ...options,
  });
  open.add(socket);
  const received: Received[] = [];
  socket.onAny((event: string, data: unknown) => received.push({ event, data }));
  socket.on('connect_error', (error) => received.push({ event: 'connect_error', data: error }));
  socket.on('disconnect', (reason) => received.push({ event: 'disconnect', data: reason }));
  return recorderOf(socket, received);
}

/** Connects in vain, and gives `err.data` of the refusal. */
export async function refusal(
  url: string,
  auth: Record<string, unknown>,
  options: ConnectOptions = {},
): Promise<any> {
  const recorder = dial(url, auth, options);
  const error = (await eventually(() => {
    const [first] = recorder.received;
    if (!first) throw new Error('neither refused nor admitted');
    return first.event === 'connect_error' ? first.data : new Error(`not refused, but got ${first.event}`);
  })) as Error & { data?: unknown };
  recorder.close();
  if (error.data === undefined) throw error;
  return error.data;
}

function recorderOf(socket: Socket, received: Received[]): Recorder {
  const taken = new Map<string, number>();
  const events = (name: string): any[] =>
    received.filter(({ event }) => event === name).map(({ data }) => data);
  const next = async (name: string, timeoutMs = 5_000): Promise<any> => {
    const index = taken.get(name) ?? 0;
    taken.set(name, index + 1);
    return eventually(
      () => {
        const found = events(name);
        if (found.length <= index)
          throw new Error(
            `no ${name} came (number ${index + 1}); received: ${JSON.stringify(received).slice(0, 2_000)}`,
          );
        return found[index];
      },
      { timeoutMs },
    );
  };
  return {
    socket,
    received,
    events,
    next,
    command: (event, ...args) => socket.timeout(ACK_LIMIT_MS).emitWithAck(event, ...args),
    cut: (timeoutMs) => next('disconnect', timeoutMs),
    close: () => {
      open.delete(socket);
      socket.disconnect();
    },
  };
}
