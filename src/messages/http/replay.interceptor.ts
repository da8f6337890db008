import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';

/** An answer, and whether it repeats an earlier one. */
export interface Replayable {
  readonly body: object;
  readonly replayed: boolean;
}

/** 201 for a new message; 200 and `Idempotent-Replayed: true` for one that was there already. */
@Injectable()
export class ReplayInterceptor implements NestInterceptor<Replayable, object> {
  intercept(context: ExecutionContext, next: CallHandler<Replayable>): Observable<object> {
    return next.handle().pipe(
      map(({ body, replayed }) => {
        if (replayed)
          void context
            .switchToHttp()
            .getResponse<FastifyReply>()
            .status(200)
            .header('idempotent-replayed', 'true');
        return body;
      }),
    );
  }
}
