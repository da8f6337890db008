export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** Deepest nesting of a request body. */
export const MAX_JSON_DEPTH = 32;

/**
 * What a JSON value holds that cannot be stored or must not be: NUL characters and lone surrogates (PostgreSQL has
 * no place for them), nesting beyond {@link MAX_JSON_DEPTH}, a `__proto__` key, or something that is not JSON.
 *
 * @returns the problem in words with the path where it is, or `undefined`
 */
export function findJsonProblem(value: unknown): JsonProblem | undefined {
  return isSound(value, 0) ? undefined : locate(value, '', 0);
}

/** Whether there is no problem at all, as is usual: without a word for where one would be. */
function isSound(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isSoundText(value);
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return true;
  if (typeof value !== 'object' || !isPlain(value) || depth >= MAX_JSON_DEPTH) return false;
  if (Array.isArray(value)) return value.every((inner) => isSound(inner, depth + 1));
  for (const key in value)
    if (key === '__proto__' || !isSoundText(key) || !isSound((value as JsonObject)[key], depth + 1))
      return false;
  return true;
}

function locate(value: unknown, path: string, depth: number): JsonProblem | undefined {
  if (typeof value === 'string') return textProblem(value, path);
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return undefined;
  if (typeof value !== 'object' || !isPlain(value)) return { path, problem: 'must be JSON' };
  if (depth >= MAX_JSON_DEPTH)
    return { path, problem: `must not be nested deeper than ${MAX_JSON_DEPTH} levels` };
  for (const [key, inner] of Object.entries(value)) {
    const here = path ? `${path}.${key}` : key;
    const problem = keyProblem(key, path) ?? locate(inner, here, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}

export interface JsonProblem {
  path: string;
  problem: string;
}

function isSoundText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function textProblem(text: string, path: string): JsonProblem | undefined {
  if (text.includes('\0')) return { path, problem: 'must not contain the NUL character' };
  if (!text.isWellFormed()) return { path, problem: 'must not contain lone surrogates' };
  return undefined;
}

function keyProblem(key: string, path: string): JsonProblem | undefined {
  if (key === '__proto__') return { path, problem: 'must not contain a __proto__ key' };
  const bad = textProblem(key, path);
  return bad && { path, problem: `has a key that ${bad.problem}` };
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** JSON text that does not depend on the order in which the fields of an object were written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
