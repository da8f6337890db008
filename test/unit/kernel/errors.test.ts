import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  conflict,
  ERROR_ROWS,
  type ErrorCode,
  ERRORS,
  invalidParameter,
  notFound,
  ParleyError,
  tooLarge,
} from '../../../src/kernel/errors.js';

/** Contract section 2, "Errors", word for word. */
const CONTRACT: Record<ErrorCode, number> = {
  invalid_request: 400,
  missing_api_key: 401,
  invalid_api_key: 401,
  expired_api_key: 401,
  invalid_token: 401,
  expired_token: 401,
  insufficient_permissions: 403,
  resource_not_found: 404,
  resource_conflict: 409,
  missing_parameter: 422,
  invalid_parameter: 422,
  rate_limit_exceeded: 429,
  internal_error: 500,
  service_unavailable: 503,
};

describe('the table of errors', () => {
  it('has the codes and statuses of the contract', () => {
    const table = Object.fromEntries(Object.entries(ERRORS).map(([code, { status }]) => [code, status]));
    expect(table).toEqual(CONTRACT);
  });

  it('has one more row, for what is too large', () => {
    const rows = ERROR_ROWS.map(({ code, status }) => [code, status]);
    expect(rows).toEqual(
      [...Object.entries(CONTRACT), ['invalid_request', 413] as const].sort(([, a], [, b]) => a - b),
    );
  });

  it('is the one in the README', () => {
    const readme = readFileSync(join(__dirname, '../../../README.md'), 'utf8');
    const [, table] = /<!-- test:errors -->\n([\s\S]*?)<!-- \/test:errors -->/.exec(readme) ?? [];
    const rows = ERROR_ROWS.map(
      ({ status, code, message, retryable }) =>
        `| ${status} | \`${code}\` | ${message} | ${retryable ? 'yes' : 'no'} |`,
    );
    expect(table?.trim().split('\n').slice(2)).toEqual(rows);
  });

  it('calls retryable what passes by itself', () => {
    const retryable = Object.entries(ERRORS).filter(([, row]) => row.retryable);
    expect(retryable.map(([code]) => code)).toEqual(['rate_limit_exceeded', 'service_unavailable']);
  });
});

describe('an error', () => {
  it('takes status and message from its row', () => {
    const error = new ParleyError('expired_token');
    expect(error).toMatchObject({ status: 401, name: 'ParleyError' });
    expect(error.toBody()).toEqual({
      code: 'expired_token',
      message: 'This user token has expired.',
      details: {},
    });
  });

  it('never shows its cause', () => {
    const error = new ParleyError('internal_error');
    error.cause = new Error('password=hunter2');
    expect(JSON.stringify(error.toBody())).not.toContain('hunter2');
  });

  it('names the field of an invalid parameter', () => {
    expect(invalidParameter('limit', 'must not be 0').toBody()).toEqual({
      code: 'invalid_parameter',
      message: 'limit must not be 0',
      details: { fields: { limit: ['limit must not be 0'] } },
    });
  });

  it('of what is too large has the code of what could not be read', () => {
    expect(tooLarge()).toMatchObject({ status: 413, message: 'The request body is too large.' });
    const error = tooLarge('Too long.', { limit: 5 });
    expect(error.status).toBe(413);
    expect(error.toBody()).toEqual({ code: 'invalid_request', message: 'Too long.', details: { limit: 5 } });
  });

  it('has short forms for what is not there and what is in the way', () => {
    expect(notFound('message')).toMatchObject({ status: 404, message: 'There is no such message.' });
    expect(conflict('Closed.', { field: 'x' })).toMatchObject({ status: 409, details: { field: 'x' } });
  });
});
