import type { ErrorCode } from '../kernel/errors.js';

export class ErrorInner {
  /** A row of the error table. @example "invalid_parameter" */
  code: ErrorCode;
  /** For a person. @example "A parameter has an invalid value." */
  message: string;
  /** For a program; `fields` names what is wrong with each field. @example { "fields": { "limit": ["limit must not be greater than 200"] } } */
  details: Record<string, unknown>;
}

/** Every error answer. */
export class ErrorView {
  error: ErrorInner;
  /** The same message once more, for clients of the published pages' other shape. */
  detail: string;
}
