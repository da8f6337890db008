import { applyDecorators, UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import { RequestPipe } from '../wire/request.pipe.js';
import { AcknowledgeInterceptor } from './acknowledge.interceptor.js';
import { SocketErrorFilter } from './socket-error.filter.js';
import { SocketRateLimitGuard } from './socket-rate-limit.guard.js';

/**
 * A gateway whose commands are charged, validated and acknowledged. The guards that `AppModule` registers globally let
 * sockets pass; errors have to go through the acknowledgement.
 */
export function CommandGateway(): ClassDecorator {
  return applyDecorators(
    UseGuards(SocketRateLimitGuard),
    UsePipes(RequestPipe),
    UseInterceptors(AcknowledgeInterceptor),
    UseFilters(SocketErrorFilter),
  );
}
