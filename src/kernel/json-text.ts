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
  const fields = Object.entries(answer) as [string, unknown][];
  if (!fields.some(([, value]) => value instanceof JsonText)) return JSON.stringify(answer);
  const members = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${textOf(value)}`);
  return `{${members.join(',')}}`;
}

function textOf(value: unknown): string {
  return value instanceof JsonText ? value.toString() : JSON.stringify(value);
}
