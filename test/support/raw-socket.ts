import { Socket } from 'engine.io-client';

/** A connection that speaks Engine.IO but not Socket.IO: packets are sent as they are written. */
export interface RawSocket {
  /** Socket.IO packets that came, as text. */
  readonly received: string[];
  /** Resolves when the server has taken them. */
  send(...packets: string[]): Promise<void>;
  readonly closed: Promise<void>;
  isClosed(): boolean;
  close(): void;
}

/** Opens one, and waits until packets can be sent. No Socket.IO handshake happens. */
export async function openRawSocket(
  url: string,
  transport: 'websocket' | 'polling' = 'websocket',
): Promise<RawSocket> {
  const socket = new Socket(url, { path: '/socket.io/', transports: [transport] });
  const received: string[] = [];
  let over = false;
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      over = true;
      resolve();
    });
  });
  socket.on('message', (packet: string) => received.push(packet));
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('error', (error) => reject(error instanceof Error ? error : new Error(String(error))));
  });
  return {
    received,
    closed,
    isClosed: () => over,
    send: (...packets) => {
      if (transport === 'polling') return post(url, socket, packets);
      const taken = new Promise<void>((resolve) => socket.once('drain', () => resolve()));
      for (const packet of packets) socket.send(packet);
      return Promise.race([taken, closed]);
    },
    close: () => void socket.close(),
  };
}

/** All packets in one request: the client itself would send the first alone, and the others whenever that is done. */
async function post(url: string, socket: Socket, packets: string[]): Promise<void> {
  const { id } = socket as unknown as { id: string };
  const body = packets.map((packet) => `4${packet}`).join('\x1e');
  await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${id}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain;charset=UTF-8' },
    body,
  });
}
