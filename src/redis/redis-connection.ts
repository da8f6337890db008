import { createClient } from 'redis';
import type { RedisPlace } from '../config/redis-address.js';
import { within } from './within.js';

/** Most commands that may wait for their answers on one connection; more are refused at once. */
const MAX_COMMANDS = 20_000;
/** How long a TCP (and TLS) connection may take, in milliseconds. */
const DIAL_TIMEOUT = 2000;
/** How long it may take until Redis has answered the greeting, in milliseconds: longer than the dialling. */
const GREETING_TIMEOUT = 3000;

/** How to speak to a server. */
export interface RedisLogin {
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

/**
 * One connection, which does not come back by itself: a new one is opened in its place, so that what it is subscribed to
 * is known. Commands are refused at once when it is gone.
 */
export type RedisConnection = ReturnType<typeof create>;

/**
 * Opens a connection.
 *
 * @param onGone hears why an open connection is gone, and may hear it more than once
 * @param signal ends the attempt early
 * @throws Error when the server cannot be reached, or refuses
 */
export async function openConnection(
  place: RedisPlace,
  login: RedisLogin,
  onGone: (error: Error) => void,
  signal?: AbortSignal,
): Promise<RedisConnection> {
  const connection = create(place, login);
  connection.on('error', onGone);
  const connecting = connection.connect();
  try {
    await within(GREETING_TIMEOUT, connecting, signal);
    return connection;
  } catch (error) {
    connection.destroy();
    connecting.then(() => connection.destroy()).catch(() => undefined); // it may come about after all
    throw error;
  }
}

/** One question on a connection of its own. @throws Error when there is no answer */
export async function ask(
  place: RedisPlace,
  login: RedisLogin,
  command: readonly string[],
): Promise<unknown> {
  const connection = await openConnection(place, login, () => undefined);
  try {
    return await within(GREETING_TIMEOUT, connection.sendCommand(command));
  } finally {
    connection.destroy();
  }
}

function create({ host, port }: RedisPlace, { tls, username, password, database }: RedisLogin) {
  const socket = { host, port, connectTimeout: DIAL_TIMEOUT, reconnectStrategy: false as const };
  return createClient({
    socket: tls ? { ...socket, tls: true as const, servername: host } : socket,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database,
    RESP: 3, // subscriptions and commands share a connection
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS,
    commandOptions: { timeout: undefined }, // a timer for each command; those who wait have their own
    maintNotifications: 'disabled',
    clientInfoTag: 'parley',
  });
}
