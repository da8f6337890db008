import { applyDecorators, type Type } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERROR_ROWS, type ErrorCode, type ErrorRow } from '../kernel/errors.js';
import { ErrorView } from './error.dto.js';

/** What every authenticated call may answer besides its own. */
const COMMON: readonly ErrorCode[] = [
  'invalid_request',
  'missing_api_key',
  'invalid_api_key',
  'expired_api_key',
  'invalid_token',
  'expired_token',
  'insufficient_permissions',
  'missing_parameter',
  'invalid_parameter',
  'rate_limit_exceeded',
  'internal_error',
  'service_unavailable',
];

/**
 * What a call answers, for the documentation: one success and every error code.
 *
 * @param errors codes beyond those that any call may answer
 */
export function Answers(status: number, type: Type<unknown>, ...errors: ErrorCode[]): MethodDecorator {
  return applyDecorators(ApiResponse({ status, type }), errorResponses(errors));
}

/** The same for a call that answers one of several types. */
export function AnswersOneOf(
  status: number,
  types: Type<unknown>[],
  ...errors: ErrorCode[]
): MethodDecorator {
  const oneOf = types.map((type) => ({ $ref: getSchemaPath(type) }));
  return applyDecorators(
    ApiExtraModels(...types),
    ApiResponse({ status, schema: { oneOf } }),
    errorResponses(errors),
  );
}

function errorResponses(errors: readonly ErrorCode[]): MethodDecorator {
  const rows = ERROR_ROWS.filter(({ code }) => COMMON.includes(code) || errors.includes(code));
  const statuses = [...new Set(rows.map(({ status }) => status))];
  return applyDecorators(
    ApiBearerAuth(),
    ...statuses.map((of) =>
      errorResponse(
        of,
        rows.filter(({ status }) => status === of),
      ),
    ),
  );
}

function errorResponse(status: number, rows: ErrorRow[]): MethodDecorator & ClassDecorator {
  const examples = rows.map(({ code, message }) => {
    return [code, { summary: code, value: { error: { code, message, details: {} }, detail: message } }];
  });
  return ApiResponse({
    status,
    type: ErrorView,
    description: rows.map(({ code }) => `\`${code}\``).join(', '),
    examples: Object.fromEntries(examples) as Record<string, { summary: string; value: unknown }>,
  });
}
