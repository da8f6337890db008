import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { createAsyncApi } from './asyncapi.js';
import { createOpenApi } from './openapi.js';

/** `/docs`, where `/` leads, `/openapi.json` and `/asyncapi.json`. */
export function serveDocs(app: NestFastifyApplication): void {
  const openApi = createOpenApi(app);
  const asyncApi = createAsyncApi(openApi);
  SwaggerModule.setup('docs', app, openApi, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Parley API',
    swaggerOptions: { persistAuthorization: true, tryItOutEnabled: true },
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.get('/asyncapi.json', (_request, reply) => reply.type('application/json').send(asyncApi));
  fastify.get('/', (_request, reply) => reply.redirect('/docs'));
}
