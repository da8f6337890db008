import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';

/** What a client's acknowledgement callback receives when its command succeeded. */
export interface Acknowledgement<T = unknown> {
  ok: true;
  data: T;
}

/** Answers a command through its acknowledgement: `{ok: true, data}` (contract section 3). */
@Injectable()
export class AcknowledgeInterceptor implements NestInterceptor<unknown, Acknowledgement> {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<Acknowledgement> {
    return next.handle().pipe(map((data: unknown) => ({ ok: true, data: data ?? {} })));
  }
}
