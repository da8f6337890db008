import {
  createParamDecorator,
  type ExecutionContext,
  Body as NestBody,
  Param as NestParam,
  Query as NestQuery,
  type Paramtype,
} from '@nestjs/common';
import { RequestPipe } from './request.pipe.js';

/*
 * What a caller sends, checked; the only decorators for it that routes may use (a lint rule says so). Nest awaits a pipe on a
 * parameter even when it answers at once: six promises for each request (decision 21). So the check is part of taking the
 * value. Nest's own decorator stands before it for the documentation, which reads it. A pipe of a route, a class or the
 * application would run on both, and whoever is slower would win: there are none, and a lint rule keeps it so.
 */

interface Source {
  readonly body: unknown;
  readonly query: unknown;
  readonly params: Record<string, unknown>;
}

const pipe = new RequestPipe();

/** The body, checked by its DTO class. */
export const Body = (): ParameterDecorator => checked('body', NestBody(), ({ body }) => body);

/** The query string, checked by its DTO class. */
export const Query = (): ParameterDecorator => checked('query', NestQuery(), ({ query }) => query);

/** An id in the path: text that an id can be. */
export const Param = (name: string): ParameterDecorator =>
  checked('param', NestParam(name), ({ params }) => params[name]);

function checked(
  type: Paramtype,
  documented: ParameterDecorator,
  take: (source: Source) => unknown,
): ParameterDecorator {
  return (target, method, index) => {
    const types = Reflect.getMetadata('design:paramtypes', target, method as string) as unknown[];
    const metatype = types[index] as (new () => unknown) | undefined;
    if (!metatype) throw new Error(`the class of a ${type} is not known when its route is made`);
    const metadata = { type, metatype, data: undefined };
    const Checked = createParamDecorator((_: unknown, context: ExecutionContext) =>
      pipe.transform(take(context.getArgByIndex<Source>(0)), metadata),
    );
    documented(target, method, index);
    Checked()(target, method, index); // later, so its value is the one that counts
  };
}
