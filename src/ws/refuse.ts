import { ParleyError } from '../kernel/errors.js';

/**
 * Ends a handshake: `connect_error` with `err.data = {code, message, details}`. A client that is refused does not come
 * again by itself (socket.io-client), so what passes by itself (the database is away, too many at once) closes the
 * connection instead: then it does.
 *
 * @param next of the Socket.IO middleware
 */
export function refuse(
  socket: { readonly conn: { close(): unknown } },
  thrown: unknown,
  next: (error: Error) => void,
): void {
  const error = thrown instanceof ParleyError ? thrown : new ParleyError('internal_error');
  if (error.status === 503) socket.conn.close();
  next(Object.assign(new Error(error.message), { data: error.toBody() }));
}
