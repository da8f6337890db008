/** How one environment variable is read: what it means, what it is when absent, and what is wrong with a value. */
export interface Variable<T> {
  readonly default: T;
  /** The default and the meaning, as the README's configuration table says them. */
  readonly shownDefault: string;
  readonly meaning: string;
  /** @throws Error saying what a value must be */
  parse(text: string): T;
}

export function integer(
  fallback: number,
  meaning: string,
  range: { min: number; max: number },
): Variable<number> {
  return {
    default: fallback,
    shownDefault: String(fallback),
    meaning,
    parse(text) {
      const value = Number(text);
      if (!/^-?\d+$/.test(text) || value < range.min || value > range.max)
        throw new Error(`must be a whole number from ${range.min} to ${range.max}`);
      return value;
    },
  };
}

export function text<T extends string | undefined>(
  fallback: T,
  meaning: string,
  shownDefault: string = fallback ?? 'none',
  check: (value: string) => string | undefined = () => undefined,
): Variable<T | string> {
  return {
    default: fallback,
    shownDefault,
    meaning,
    parse(value) {
      const problem = check(value);
      if (problem) throw new Error(problem);
      return value;
    },
  };
}

export function oneOf<const T extends readonly string[]>(
  values: T,
  fallback: T[number],
  meaning: string,
): Variable<T[number]> {
  return {
    default: fallback,
    shownDefault: fallback,
    meaning,
    parse(value) {
      if (!values.includes(value)) throw new Error(`must be one of ${values.join(', ')}`);
      return value;
    },
  };
}

export function list(
  meaning: string,
  check: (item: string) => string | undefined,
): Variable<readonly string[]> {
  return {
    default: [],
    shownDefault: 'none',
    meaning,
    parse(value) {
      const items = value.split(',').map((item) => item.trim());
      const problem = items.map(check).find((found) => found !== undefined);
      if (problem) throw new Error(problem);
      return items;
    },
  };
}
