import { applyDecorators, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { AcknowledgeInterceptor } from './acknowledge.interceptor.js';
import { SocketErrorFilter } from './socket-error.filter.js';
import { SocketRateLimitGuard } from './socket-rate-limit.guard.js';

/**
 * A gateway whose commands are charged, validated and acknowledged. Of what `AppModule` registers globally, `APP_PIPE`
 * validates here too; the HTTP guards let sockets pass, and errors have to go through the acknowledgement.
 */
export function CommandGateway(): ClassDecorator {
  return applyDecorators(
    UseGuards(SocketRateLimitGuard),
    UseInterceptors(AcknowledgeInterceptor),
    UseFilters(SocketErrorFilter),
  );
}
