import {
  getMetadataStorage,
  IS_IN,
  IS_NOT_EMPTY,
  IS_OBJECT,
  IS_OPTIONAL,
  IS_STRING,
  MATCHES,
  MAX_LENGTH,
  type ValidationArguments,
  ValidationTypes,
  type ValidatorConstraintInterface,
} from 'class-validator';

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];
type Condition = (object: object, value: unknown) => boolean;
type Rule = (value: unknown, object: object) => boolean;

interface Field {
  readonly name: string;
  readonly conditions: readonly Condition[];
  readonly rules: readonly Rule[];
}

/** `undefined` for a class whose rules are of a kind that is left to class-validator. */
const compiled = new WeakMap<object, readonly Field[] | undefined>();

/**
 * Whether class-validator would find nothing wrong with an instance. It reads the decorators of a class once instead of
 * at each request, which makes the good case several times cheaper; what is wrong with a bad one, class-validator says.
 *
 * @returns false also when it cannot tell
 */
export function isSurelyValid(instance: object): boolean {
  const fields = fieldsOf(instance.constructor);
  if (!fields) return false;
  for (const field of fields) if (!isFieldValid(field, instance)) return false;
  return true;
}

function isFieldValid({ name, conditions, rules }: Field, instance: object): boolean {
  const value = (instance as Record<string, unknown>)[name];
  for (const holds of conditions) if (!holds(instance, value)) return true;
  for (const holds of rules) if (!holds(value, instance)) return false;
  return true;
}

function fieldsOf(dto: object): readonly Field[] | undefined {
  const known = compiled.get(dto);
  if (known || compiled.has(dto)) return known;
  const fields = compile(dto);
  compiled.set(dto, fields);
  return fields;
}

function compile(dto: object): readonly Field[] | undefined {
  const storage = getMetadataStorage();
  const all = storage.getTargetValidationMetadatas(dto as () => void, '', false, false);
  if (!all.every(isUnderstood)) return undefined;
  const byName = Object.entries(storage.groupByPropertyName(all));
  return byName.map(([name, metadatas]) => ({
    name,
    conditions: ofType(metadatas, ValidationTypes.CONDITIONAL_VALIDATION).map(
      ({ name: rule, constraints }) =>
        rule === IS_OPTIONAL ? isGiven : ((constraints as unknown[])[0] as Condition),
    ),
    rules: [
      ...ofType(metadatas, ValidationTypes.CUSTOM_VALIDATION).flatMap(customRules),
      ...ofType(metadatas, ValidationTypes.NESTED_VALIDATION).map(() => nestedRule),
    ],
  }));
}

/** The condition of `IsOptional`, which looks the value up once more. */
function isGiven(_: object, value: unknown): boolean {
  return value !== null && value !== undefined;
}

function isUnderstood({ type, validateIf }: Metadata): boolean {
  const known: string[] = [
    ValidationTypes.CONDITIONAL_VALIDATION,
    ValidationTypes.CUSTOM_VALIDATION,
    ValidationTypes.NESTED_VALIDATION,
  ];
  return known.includes(type) && validateIf === undefined;
}

function ofType(metadatas: readonly Metadata[], type: string): Metadata[] {
  return metadatas.filter((metadata) => metadata.type === type);
}

type Shortcut = (constraint: unknown) => (value: unknown) => boolean;

const isText: Shortcut = () => (value) => typeof value === 'string';
const isNotEmpty: Shortcut = () => (value) => typeof value === 'string' && value !== '';
const isObject: Shortcut = () => (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isOneOf: Shortcut = (values) => (value) => (values as unknown[]).includes(value);
/** Counted in characters, of which there are never more than code units. */
const isShort: Shortcut = (max) => (value) => typeof value === 'string' && value.length <= (max as number);
const isMatch: Shortcut = (pattern) =>
  pattern instanceof RegExp && !pattern.global && !pattern.sticky
    ? (value) => typeof value === 'string' && pattern.test(value)
    : never;
const never = (): boolean => false;

/**
 * When a value surely keeps a rule of class-validator, by the name of that rule: without its copies of the text, which it
 * makes to count characters and to match. Where it is not sure, class-validator is asked.
 */
const SURELY = new Map([
  [IS_STRING, isText],
  [IS_NOT_EMPTY, isNotEmpty],
  [IS_OBJECT, isObject],
  [IS_IN, isOneOf],
  [MAX_LENGTH, isShort],
  [MATCHES, isMatch],
]);

function customRules(metadata: Metadata): Rule[] {
  const { constraintCls, propertyName: property, constraints, each, name = '' } = metadata;
  const [first] = (constraints as unknown[] | undefined) ?? [];
  const surely = SURELY.get(name)?.(first) ?? never;
  return getMetadataStorage()
    .getTargetValidatorConstraints(constraintCls)
    .map(({ instance: constraint }) => {
      const args = new Arguments(property, constraints);
      const one = (value: unknown, object: object): boolean => {
        if (surely(value)) return true;
        const isRight = holds(constraint, value, args.with(value, object));
        args.with(undefined, NOTHING); // what somebody has said is not kept
        return isRight;
      };
      return (value, object) =>
        each && Array.isArray(value) ? value.every((item) => one(item, object)) : one(value, object);
    });
}

const NOTHING = {};

/**
 * What class-validator gives its constraints; one for each rule, since none keeps it. The name is looked up for those few
 * that ask.
 */
class Arguments implements ValidationArguments {
  value: unknown;
  object: object = NOTHING;

  constructor(
    readonly property: string,
    readonly constraints: unknown[],
  ) {}

  with(value: unknown, object: object): this {
    this.value = value;
    this.object = object;
    return this;
  }

  get targetName(): string {
    return this.object.constructor.name;
  }
}

/** A promise is not an answer: such a rule is left to class-validator. */
function holds(constraint: ValidatorConstraintInterface, value: unknown, args: ValidationArguments): boolean {
  return constraint.validate(value, args) === true;
}

function nestedRule(value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.every((item) => isInstance(item) && isSurelyValid(item));
  return isInstance(value) && isSurelyValid(value);
}

/** An object of a class with rules; anything else is class-validator's to judge. */
function isInstance(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && value.constructor !== Object;
}
