import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { validateSync } from 'class-validator';
import { notFound, ParleyError } from '../kernel/errors.js';
import { findJsonProblem } from '../kernel/json.js';
import { isSurelyValid } from './compiled-rules.js';
import { validationError } from './field-errors.js';
import { ShapeReader } from './shape.js';
import { UnreadableBody } from './unreadable-body.js';

const BUILT_IN = new Set<unknown>([String, Number, Boolean, Array, Object]);

/**
 * Turns what came in into an instance of its DTO class, or says what is wrong with it. The same for REST bodies, query
 * strings and socket events. Unknown fields of a body are refused, those of a query string ignored.
 */
@Injectable()
export class RequestPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    // An id in the path that no id can be: PostgreSQL has no place for NUL characters.
    if (type === 'param' && findJsonProblem(value)) throw notFound('resource');
    if (!metatype || BUILT_IN.has(metatype) || type === 'custom') return value;
    const dto = metatype as Type<object>;
    return type === 'query'
      ? parseRequest(dto, { ...(value as object) }, { strict: false })
      : parseBody(dto, value);
  }
}

function parseBody(dto: Type<object>, value: unknown): unknown {
  if (!(value instanceof UnreadableBody)) return parseRequest(dto, value ?? {});
  if (!value.empty) throw value.error;
  try {
    return parseRequest(dto, {});
  } catch {
    throw value.error; // something is needed, and nothing was sent
  }
}

/**
 * @param strict whether unknown fields are an error
 * @throws ParleyError `invalid_request`, `missing_parameter` or `invalid_parameter`, naming the fields
 */
export function parseRequest<T extends object>(dto: Type<T>, value: unknown, { strict = true } = {}): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ParleyError('invalid_request', 'The body must be a JSON object.');
  const bad = findJsonProblem(value);
  if (bad) throw validationError([{ field: bad.path || 'body', problem: bad.problem, missing: false }]);
  const reader = new ShapeReader();
  const instance = reader.read(dto, value);
  const problems = [...reader.tooLong, ...(strict ? reader.unknown : [])];
  const errors = isSurelyValid(instance)
    ? []
    : validateSync(instance, { stopAtFirstError: false, forbidUnknownValues: false });
  if (errors.length > 0 || problems.length > 0) throw validationError(problems, errors);
  reader.addExtras();
  return instance;
}
