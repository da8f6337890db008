import type { ValidationError } from 'class-validator';
import { type FieldErrors, ParleyError } from '../kernel/errors.js';

export interface FieldProblem {
  field: string;
  problem: string;
  missing: boolean;
}

/** Most problems that one answer names: who sends a thousand wrong fields does not need to read of each. */
export const MAX_PROBLEMS = 20;
/** Longest field name in an answer, in characters. */
const MAX_NAME_LENGTH = 200;

/** 422: `missing_parameter` when all that is wrong is what is not there, else `invalid_parameter`. */
export function validationError(
  problems: readonly FieldProblem[],
  errors: readonly ValidationError[] = [],
): ParleyError {
  const all = [...problems, ...errors.flatMap((error) => flatten(error, ''))];
  const fields = Object.create(null) as FieldErrors; // a field may be called `constructor`
  for (const { field, problem } of all.slice(0, MAX_PROBLEMS)) {
    const name = field.slice(0, MAX_NAME_LENGTH);
    (fields[name] ??= []).push(`${name} ${problem}`);
  }
  const code = all.every(({ missing }) => missing) ? 'missing_parameter' : 'invalid_parameter';
  const message = Object.values(fields).flat().slice(0, 3).join('; ');
  return new ParleyError(code, message, { fields });
}

function flatten(error: ValidationError, path: string): FieldProblem[] {
  const field = path ? `${path}.${error.property}` : error.property;
  const inner = (error.children ?? []).flatMap((child) => flatten(child, field));
  if (error.constraints === undefined) return inner;
  if (error.value === undefined) return [...inner, { field, problem: 'is required', missing: true }];
  const problems = Object.values(error.constraints).map((text) => withoutName(text, error.property));
  return [...inner, ...problems.map((problem) => ({ field, problem, missing: false }))];
}

/** class-validator begins its messages with the property's name; here they begin with the whole path. */
function withoutName(text: string, property: string): string {
  return text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
}
