import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CONFIG, type Config } from '../../config/config.js';
import { Metrics } from '../metrics.js';

type Series = ReturnType<Metrics['requests']['labels']>;

/** Measures each request, and logs it at level `debug`: by its route, never by what was sent. */
export function observeRequests(app: NestFastifyApplication): void {
  const { requests } = app.get(Metrics);
  const series = new Map<string, Series>(); // looked up by labels, a measurement costs more than what it measures
  const logger = new Logger('Http');
  const isLogged = ['debug', 'trace'].includes(app.get<Config>(CONFIG).LOG_LEVEL);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'unknown';
      const { method } = request;
      const { statusCode: status } = reply;
      const name = `${method} ${route} ${status}`;
      const one = series.get(name) ?? requests.labels({ method, route, status });
      series.set(name, one);
      one.observe(reply.elapsedTime / 1000);
      if (isLogged) {
        const took = reply.elapsedTime.toFixed(1);
        logger.debug(`${request.method} ${route} ${reply.statusCode} in ${took} ms (request ${request.id})`);
      }
      done();
    });
}
