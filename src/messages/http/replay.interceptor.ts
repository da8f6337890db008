import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { Message } from '../../kernel/wire.dto.js';
import type { Appended } from '../../log/log-types.js';

/** 201 for a new message; 200 and `Idempotent-Replayed: true` for one that was there already. */
@Injectable()
export class ReplayInterceptor implements NestInterceptor<Appended, Message> {
  intercept(context: ExecutionContext, next: CallHandler<Appended>): Observable<Message> {
    return next.handle().pipe(
      map(({ message, replayed }) => {
        if (replayed)
          void context
            .switchToHttp()
            .getResponse<FastifyReply>()
            .status(200)
            .header('idempotent-replayed', 'true');
        return message;
      }),
    );
  }
}
