import { getMetadataStorage } from 'class-validator';
import type { FieldProblem } from './field-errors.js';

const known = new WeakMap<object, Set<string>>();
const open = new WeakSet<object>();

/** Marks a DTO class whose extra fields are the caller's own: kept, not refused. */
export function OpenObject(): ClassDecorator {
  return (dto) => void open.add(dto);
}

/** The fields of a DTO instance, and of those inside it, that its class does not know. */
export function unknownFields(value: unknown, path = ''): FieldProblem[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownFields(item, `${path}.${index}`));
  if (typeof value !== 'object' || value === null || value.constructor === Object) return [];
  const names = open.has(value.constructor) ? undefined : knownFields(value.constructor);
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = path ? `${path}.${name}` : name;
    if (names && !names.has(name)) return [{ field, problem: 'is not known', missing: false }];
    return unknownFields(inner, field);
  });
}

function knownFields(dto: object): Set<string> {
  const cached = known.get(dto);
  if (cached) return cached;
  const rules = getMetadataStorage().getTargetValidationMetadatas(dto as () => void, '', false, false);
  const names = new Set(rules.map((rule) => rule.propertyName));
  known.set(dto, names);
  return names;
}
