/**
 * The one table of errors, by code. The HTTP filter, the socket acknowledgements, the docs page and the README read it.
 * Source: contract section 2, "Errors".
 */
export const ERRORS = {
  invalid_request: { status: 400, message: 'The request could not be read.', retryable: false },
  missing_api_key: {
    status: 401,
    message: 'No credential: send "Authorization: Bearer <API key or user token>".',
    retryable: false,
  },
  invalid_api_key: {
    status: 401,
    message: 'This API key is not valid, or it was revoked.',
    retryable: false,
  },
  expired_api_key: { status: 401, message: 'This API key has expired.', retryable: false },
  invalid_token: {
    status: 401,
    message: 'This user token is not valid, or it was revoked.',
    retryable: false,
  },
  expired_token: { status: 401, message: 'This user token has expired.', retryable: false },
  insufficient_permissions: {
    status: 403,
    message: 'This credential may not do that.',
    retryable: false,
  },
  resource_not_found: { status: 404, message: 'There is no such resource.', retryable: false },
  resource_conflict: {
    status: 409,
    message: 'The resource is in a state that does not allow this.',
    retryable: false,
  },
  missing_parameter: { status: 422, message: 'A required parameter is missing.', retryable: false },
  invalid_parameter: { status: 422, message: 'A parameter has an invalid value.', retryable: false },
  rate_limit_exceeded: { status: 429, message: 'The rate limit is used up.', retryable: true },
  internal_error: { status: 500, message: 'Something went wrong on our side.', retryable: false },
  service_unavailable: {
    status: 503,
    message: 'The service is not available right now. Try again shortly.',
    retryable: true,
  },
} as const satisfies Record<string, { status: number; message: string; retryable: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

/** A line of the table as clients read it. */
export interface ErrorRow {
  code: ErrorCode;
  status: number;
  message: string;
  retryable: boolean;
}

/** The only row whose status is not that of its code: the contract has no code of its own for 413. */
const TOO_LARGE: ErrorRow = {
  code: 'invalid_request',
  status: 413,
  message: 'The request body is too large.',
  retryable: false,
};

/** The whole table, by status. */
export const ERROR_ROWS: readonly ErrorRow[] = [
  ...Object.entries(ERRORS).map(([code, row]) => ({ code: code as ErrorCode, ...row })),
  TOO_LARGE,
].sort((a, b) => a.status - b.status);

/** What is wrong with each named field of a request. */
export type FieldErrors = Record<string, string[]>;

export interface ErrorDetails {
  fields?: FieldErrors;
  [key: string]: unknown;
}

/** The error as clients see it, over REST and in socket acknowledgements. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
}

/** A failure with a code of the table. Everything else that is thrown is an `internal_error`. */
export class ParleyError extends Error {
  /**
   * @param code row of {@link ERRORS}
   * @param message for a person; defaults to the table's
   * @param details machine-readable, sent to the client: nothing internal
   * @param retryAfter seconds after which a repeat may succeed
   * @param status the code's; another one only by {@link tooLarge}
   */
  constructor(
    readonly code: ErrorCode,
    message: string = ERRORS[code].message,
    readonly details: ErrorDetails = {},
    readonly retryAfter?: number,
    readonly status: number = ERRORS[code].status,
  ) {
    super(message);
    this.name = 'ParleyError';
  }

  toBody(): ErrorBody {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** 422 for one field. */
export function invalidParameter(field: string, problem: string): ParleyError {
  return new ParleyError('invalid_parameter', `${field} ${problem}`, {
    fields: { [field]: [`${field} ${problem}`] },
  });
}

/** 413, with the code of what could not be read. */
export function tooLarge(message: string = TOO_LARGE.message, details: ErrorDetails = {}): ParleyError {
  return new ParleyError(TOO_LARGE.code, message, details, undefined, TOO_LARGE.status);
}

/** 404; the same answer for another account's id, so that existence never leaks. */
export function notFound(what: string): ParleyError {
  return new ParleyError('resource_not_found', `There is no such ${what}.`);
}

/** 409. */
export function conflict(message: string, details: ErrorDetails = {}): ParleyError {
  return new ParleyError('resource_conflict', message, details);
}
