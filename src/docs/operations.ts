import type { OpenAPIObject } from '@nestjs/swagger';

type Path = OpenAPIObject['paths'][string];
/** One call of the API, as it is documented. */
export type Operation = NonNullable<Path['get']>;

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const satisfies (keyof Path)[];

/** Every call that the document describes. */
export function operationsOf({ paths }: OpenAPIObject): Operation[] {
  return Object.values(paths)
    .flatMap((path) => METHODS.map((method) => path[method]))
    .filter((operation) => operation !== undefined);
}
