const LINE_BREAK = /[\r\n]/;
const LINE_BREAKS = /[\r\n]/g;

/**
 * A value and its JSON: whichever is there first. What PostgreSQL or another node wrote goes out as it is, and is parsed
 * only to look inside; what this node made is written once, however many it goes to.
 */
export class JsonText<T> {
  private constructor(
    private text: string | undefined,
    private value: T | undefined,
    /** Whether the text is known to have no line breaks: what `JSON.stringify` writes has none. */
    private readonly isLine: boolean,
  ) {}

  /** @param text JSON */
  static read<T>(text: string): JsonText<T> {
    return new JsonText<T>(text, undefined, false);
  }

  /** @param value is not changed any more */
  static write<T extends object>(value: T): JsonText<T> {
    return new JsonText(undefined, value, true);
  }

  /** @param value is not changed any more. @param text what `JSON.stringify` would make of it */
  static of<T extends object>(value: T, text: string): JsonText<T> {
    return new JsonText(text, value, true);
  }

  /** The value, which all who ask share. @throws SyntaxError */
  parse(): T {
    return (this.value ??= JSON.parse(this.text as string) as T);
  }

  /** For `JSON.stringify`, which cannot take text as it is: right everywhere, and slow. */
  toJSON(): T {
    return this.parse();
  }

  toString(): string {
    return (this.text ??= JSON.stringify(this.value));
  }

  /** The same on one line: line breaks in JSON are white space, or escaped. */
  toLine(): string {
    const text = this.toString();
    return this.isLine || !LINE_BREAK.test(text) ? text : text.replaceAll(LINE_BREAKS, ' ');
  }
}

/** The JSON of an answer: `JSON.stringify`, but for fields that are JSON text already. */
export function toJson(answer: object): string {
  if (answer instanceof JsonText) return answer.toString();
  if (!hasText(answer as Record<string, unknown>)) return JSON.stringify(answer);
  const members = Object.entries(answer as Record<string, unknown>)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${textOf(value)}`);
  return `{${members.join(',')}}`;
}

function hasText(answer: Record<string, unknown>): boolean {
  for (const name in answer) if (answer[name] instanceof JsonText) return true;
  return false;
}

/** The JSON of a value, which may be there already. */
export function textOf(value: unknown): string {
  return value instanceof JsonText ? value.toString() : JSON.stringify(value);
}

/** The JSON of a value on one line. */
export function lineOf(value: unknown): string {
  return value instanceof JsonText ? value.toLine() : JSON.stringify(value);
}
