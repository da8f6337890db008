/** A value that is JSON text already, as PostgreSQL wrote it: it goes out as it is, and is parsed only to look inside. */
export class JsonText<T> {
  constructor(private readonly text: string) {}

  parse(): T {
    return JSON.parse(this.text) as T;
  }

  /** For `JSON.stringify`, which cannot take text as it is: right everywhere, and slow. */
  toJSON(): T {
    return this.parse();
  }

  toString(): string {
    return this.text;
  }
}

/** The JSON of an answer: `JSON.stringify`, but for fields that are JSON text already. */
export function toJson(answer: object): string {
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

function textOf(value: unknown): string {
  return value instanceof JsonText ? value.toString() : JSON.stringify(value);
}
