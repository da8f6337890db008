import type { LogOwner, NewMessage } from './log-types.js';
import { requestHash } from './request-hash.js';

/** A message on its way to the database. */
export class Item {
  /** Of what came with a `clientMessageId`. */
  readonly requestHash: Buffer | null;
  private payload: string | undefined;
  private metadata: string | undefined;

  constructor(
    readonly owner: LogOwner,
    readonly message: NewMessage,
  ) {
    this.requestHash = requestHash(message);
  }

  /** Written once, when its batch is: the database, the answer and the hint share it. */
  get payloadJson(): string {
    return (this.payload ??= JSON.stringify(this.message.payload));
  }

  /** The same of the metadata. */
  get metadataJson(): string {
    return (this.metadata ??= JSON.stringify(this.message.metadata));
  }
}
