/**
 * Prints what happens in the log of a platform user, and goes on where it was after every break.
 *
 *   export PARLEY_API_KEY=…
 *   node examples/listen.mjs user123       from now on
 *   node examples/listen.mjs user123 0     from the beginning
 *
 * PARLEY_URL is http://127.0.0.1:3000 unless it is set.
 */
import { io } from 'socket.io-client';

const { PARLEY_URL = 'http://127.0.0.1:3000', PARLEY_API_KEY } = process.env;
const [platformUserId, from] = process.argv.slice(2);
if (!PARLEY_API_KEY || !platformUserId) {
  console.error('usage: PARLEY_API_KEY=… node examples/listen.mjs PLATFORM_USER_ID [AFTER]');
  process.exit(1);
}

/** How far we are, and in which log. Keep it on disk to go on after a restart of this program, too. */
let position = from === undefined ? {} : { after: Number(from) };

const socket = io(PARLEY_URL, {
  // A function: it is called for each connection, so a reconnect sends the newest position.
  auth: (send) => send({ api_key: PARLEY_API_KEY, platform_user_id: platformUserId, ...position }),
});

socket.onAny((event, data) => {
  const reached = Math.max(data.seq ?? 0, data.updated_seq ?? 0);
  if (reached > (position.after ?? 0)) position = { ...position, after: reached };
  console.log(event, data);
});

socket.on('ready', ({ seq, epoch, reset }) => {
  if (reset) console.log('This log does not know our position: here a client reloads its history.');
  position = { after: seq, epoch };
});

// Broken connections are the client's own business: it comes again by itself. Two things it leaves to us.
// The server ended the connection: its credential no longer counts. The next handshake says why.
socket.on('disconnect', (reason) => {
  console.log('disconnected:', reason);
  if (!socket.active) connectAgain();
});
// The server refused the connection: `data` is an error as over REST.
socket.on('connect_error', ({ message, data }) => {
  console.log('not connected:', data?.code ?? `${PARLEY_URL}: ${message}`);
  if (socket.active) return;
  if (['service_unavailable', 'internal_error', 'rate_limit_exceeded'].includes(data?.code)) connectAgain();
  else process.exitCode = 1; // a repeat would be refused as well
});

function connectAgain() {
  setTimeout(() => socket.connect(), 1000 + Math.random() * 2000);
}
