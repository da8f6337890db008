import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { ParleyError } from '../kernel/errors.js';

/** Position of the acknowledgement callback in a socket handler's arguments: client, data, callback. */
const CALLBACK = 2;

/** Answers a failed command through its acknowledgement: `{ok: false, error}`. Without one, nobody asked. */
@Catch()
export class SocketErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Socket');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const error = thrown instanceof ParleyError ? thrown : new ParleyError('internal_error');
    if (error.status >= 500)
      this.logger.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown);
    const callback: unknown = host.getArgByIndex(CALLBACK);
    if (typeof callback === 'function')
      (callback as (answer: unknown) => void)({ ok: false, error: error.toBody() });
  }
}
