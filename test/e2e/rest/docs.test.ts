import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, startApi } from '../../support/api.js';

const document = JSON.parse(readFileSync(join(__dirname, '../../../openapi.json'), 'utf8'));
const operations: [string, any][] = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
  Object.entries<any>(methods).map(([method, operation]): [string, any] => [`${method} ${path}`, operation]),
);

let api: Api;
beforeAll(async () => {
  api = await startApi({ RATE_LIMIT_PER_HOUR: '1' });
});
afterAll(() => api?.stop());

it('/ leads to the documentation, for everybody and free of charge', async () => {
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(api.server.url, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/docs']);
    expect(answer.headers.has('x-ratelimit-limit')).toBe(false);
  }
  expect((await api.get('/', { key: null })).body).toContain('<title>Parley API</title>');
});

describe('openapi.json', () => {
  it('has nothing that the page would take for HTML', () => {
    const outsideOfCode = document.info.description.replaceAll(/`[^`]*`/g, '');
    expect(outsideOfCode).not.toMatch(/<\w/);
  });

  it.each(operations)('%s: the summary is one plain sentence', (_, { summary }) => {
    expect(summary).toMatch(/^[^`\n]+[.]$/);
    expect(summary).not.toMatch(/[.] [A-Z]/);
  });

  it.each(operations.filter(([, { security }]) => security))(
    '%s: the headers are documented',
    (_, operation) => {
      for (const [status, { headers = {} }] of Object.entries<any>(operation.responses)) {
        if (status.startsWith('2'))
          expect(Object.keys(headers)).toEqual(
            expect.arrayContaining(['X-Request-Id', 'X-RateLimit-Limit', 'RateLimit']),
          );
        if (status === '429' || status === '503') expect(Object.keys(headers)).toEqual(['Retry-After']);
        for (const { $ref } of Object.values<any>(headers))
          expect(document.components.headers).toHaveProperty([$ref.split('/').at(-1)]);
      }
    },
  );

  it.each(['receive', 'send'])('/v1/message/%s: a repeat answers 200', (name) => {
    const { responses } = document.paths[`/v1/message/${name}`].post;
    expect(Object.keys(responses['200'].headers)).toContain('Idempotent-Replayed');
  });

  it('shows messages and sessions as they are, and not "string"', () => {
    for (const name of ['Message', 'Payload', 'Attachment', 'Session', 'ApiKeyView'])
      for (const [field, schema] of Object.entries<any>(document.components.schemas[name].properties))
        if (schema.type === 'string' || schema.type === 'object')
          expect([field, schema.example]).toEqual([field, expect.anything()]);
  });
});
