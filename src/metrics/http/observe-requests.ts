import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { onResponseHookHandler } from 'fastify';
import { CONFIG, type Config } from '../../config/config.js';
import { Metrics } from '../metrics.js';

type Series = ReturnType<Metrics['requests']['labels']>;

/**
 * Measures each request, and logs it at level `debug`: by its route, never by what was sent. Each route has an observer of
 * its own, since finding out about the route, or a series by its labels, costs more than what is measured. To be called
 * before there are routes.
 */
export function observeRequests(app: NestFastifyApplication): void {
  const { requests } = app.get(Metrics);
  const logger = new Logger('Http');
  const isLogged = ['debug', 'trace'].includes(app.get<Config>(CONFIG).LOG_LEVEL);

  const observer = (route: string): onResponseHookHandler => {
    const known = new Map<string, Map<number, Series>>();
    const seriesOf = (method: string, status: number): Series => {
      const ofMethod = known.get(method) ?? new Map<number, Series>();
      const series = ofMethod.get(status) ?? requests.labels({ method, route, status });
      if (!ofMethod.has(status)) known.set(method, ofMethod.set(status, series));
      return series;
    };
    return ({ method, id }, { statusCode: status, elapsedTime }, done) => {
      seriesOf(method, status).observe(elapsedTime / 1000);
      if (isLogged)
        logger.debug(`${method} ${route} ${status} in ${elapsedTime.toFixed(1)} ms (request ${id})`);
      done();
    };
  };

  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRoute', (route) => {
    route.onResponse = [observer(route.url), ...[route.onResponse ?? []].flat()];
  });
  const unknown = observer('unknown');
  fastify.addHook('onResponse', function (request, reply, done) {
    if (request.is404) unknown.call(this, request, reply, done);
    else done();
  });
}
