import 'reflect-metadata';
import { applyDecorators, type Type } from '@nestjs/common';
import { getMetadataStorage, IsArray, IsObject, ValidateNested } from 'class-validator';
import { type FieldProblem, MAX_PROBLEMS } from './field-errors.js';

const FIELD = 'parley:field';

/** How the value of a field is read before it is checked. */
interface FieldShape {
  /** The class of the object, or of each object in the list. */
  readonly of?: () => Type<object>;
  /** Most objects in the list. */
  readonly max?: number;
  readonly convert?: (value: unknown) => unknown;
  readonly nullable?: boolean;
}

function shaped(part: FieldShape): PropertyDecorator {
  return (target, name) => Reflect.defineMetadata(FIELD, { ...shapeOf(target, name), ...part }, target, name);
}

function shapeOf(target: object, name: string | symbol): FieldShape {
  return (Reflect.getMetadata(FIELD, target, name) ?? {}) as FieldShape;
}

/** A field that holds an object of a class; `convert` turns other forms into one. */
export function Nested(of: () => Type<object>, convert?: (value: unknown) => unknown): PropertyDecorator {
  return applyDecorators(ValidateNested(), shaped({ of, ...(convert && { convert }) }));
}

/** A field that holds a list of objects of a class. A longer list is refused before any of it is read. */
export function NestedList(of: () => Type<object>, max: number): PropertyDecorator {
  return applyDecorators(IsArray(), IsObject({ each: true }), ValidateNested(), shaped({ of, max }));
}

/** A whole number that arrives as text, in a query string. */
export function NumberInText(): PropertyDecorator {
  return shaped({
    convert: (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : NaN),
  });
}

/** A field for which null means something. Everywhere else it is the same as absence, as many clients write it. */
export function Nullable(): PropertyDecorator {
  return shaped({ nullable: true });
}

const open = new WeakSet<object>();

/** Marks a DTO class whose extra fields are the caller's own: kept, not refused. */
export function OpenObject(): ClassDecorator {
  return (dto) => void open.add(dto);
}

/**
 * Reads plain JSON into instances of DTO classes. What is the caller's own is passed on as it came, whatever its keys
 * are called: a library that copies it would trip over `constructor` and lose `toString`.
 */
export class ShapeReader {
  /** Fields that their class does not know, the first of them. */
  readonly unknown: FieldProblem[] = [];
  /** Lists that are too long to be read. */
  readonly tooLong: FieldProblem[] = [];
  private readonly extras: { target: object; name: string; value: unknown }[] = [];

  read<T extends object>(dto: Type<T>, plain: object, path = ''): T {
    const instance = new dto();
    const shapes = knownFields(dto);
    for (const name in plain) {
      const value = (plain as Record<string, unknown>)[name];
      const shape = shapes.get(name);
      if (shape) this.readField(instance, name, shape, value, path);
      else if (open.has(dto)) this.extras.push({ target: instance, name, value });
      else if (this.unknown.length < MAX_PROBLEMS)
        this.unknown.push({ field: below(path, name), problem: 'is not known', missing: false });
    }
    return instance;
  }

  /** Puts the extra fields of open objects in place: after the checks, which look at `constructor`. */
  addExtras(): void {
    for (const { target, name, value } of this.extras) (target as Record<string, unknown>)[name] = value;
  }

  private readField(
    instance: object,
    name: string,
    { of, convert, nullable, max = Infinity }: FieldShape,
    value: unknown,
    path: string,
  ): void {
    if (value === null && !nullable) return;
    const converted = convert ? convert(value) : value;
    if (Array.isArray(converted) && converted.length > max) {
      const problem = `must have at most ${max} elements`;
      return void this.tooLong.push({ field: below(path, name), problem, missing: false });
    }
    (instance as Record<string, unknown>)[name] = of
      ? this.nest(of(), converted, below(path, name))
      : converted;
  }

  private nest(dto: Type<object>, value: unknown, field: string): unknown {
    if (!Array.isArray(value)) return isObject(value) ? this.read(dto, value, field) : value;
    return value.map((item: unknown, index) =>
      isObject(item) ? this.read(dto, item, `${field}.${index}`) : item,
    );
  }
}

function below(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const known = new WeakMap<object, ReadonlyMap<string, FieldShape>>();

/** The fields that a DTO class has rules for, read from its decorators once. */
function knownFields(dto: Type<object>): ReadonlyMap<string, FieldShape> {
  const cached = known.get(dto);
  if (cached) return cached;
  const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false);
  const prototype = dto.prototype as object;
  const shapes = new Map(rules.map(({ propertyName: name }) => [name, shapeOf(prototype, name)] as const));
  known.set(dto, shapes);
  return shapes;
}
