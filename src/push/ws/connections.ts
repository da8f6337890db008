import { Injectable } from '@nestjs/common';
import { ParleyError } from '../../kernel/errors.js';
import { CredentialCutter } from './credential-cutter.js';
import { Handshake } from './handshake.js';
import type { UserNamespace, UserSocket } from './user-socket.js';

/** The commands that a platform user's client may send (contract section 3). */
const COMMANDS = new Set<unknown>(['message:receive', 'messages:read', 'sync', 'typing', 'token:refresh']);

/** Who comes in and who has to leave. */
@Injectable()
export class Connections {
  constructor(
    private readonly handshake: Handshake,
    private readonly cutter: CredentialCutter,
  ) {}

  guard(namespace: UserNamespace): void {
    namespace.use(this.handshake.middleware);
    namespace.on('connection', answerUnknownCommands);
    this.cutter.guard(namespace);
  }
}

/** A command that does not exist is answered, not left hanging. */
function answerUnknownCommands(socket: UserSocket): void {
  socket.onAny((event: unknown, ...args: unknown[]) => {
    const callback = args.at(-1);
    if (COMMANDS.has(event) || typeof callback !== 'function') return;
    const name = String(event).slice(0, 100); // the protocol allows numbers as names
    const error = new ParleyError('invalid_request', `There is no command "${name}".`);
    (callback as (answer: unknown) => void)({ ok: false, error: error.toBody() });
  });
}
