import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { createAsyncApi } from './asyncapi.js';
import { createOpenApi } from './openapi.js';

/** `/docs`, `/openapi.json` and `/asyncapi.json`. */
export function serveDocs(app: NestFastifyApplication): void {
  const openApi = createOpenApi(app);
  const asyncApi = createAsyncApi(openApi);
  SwaggerModule.setup('docs', app, openApi, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Parley API',
    swaggerOptions: { persistAuthorization: true, tryItOutEnabled: true },
  });
  app
    .getHttpAdapter()
    .getInstance()
    .get('/asyncapi.json', (_request, reply) => reply.type('application/json').send(asyncApi));
}
