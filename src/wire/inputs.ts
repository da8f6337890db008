import { Body as NestBody, Param as NestParam, Query as NestQuery } from '@nestjs/common';
import { RequestPipe } from './request.pipe.js';

/*
 * Nest's decorators for what a caller sends, each with the pipe that checks it; the only ones that routes may use (a lint
 * rule says so). As a global pipe it would also run on what guards and headers give, five promises a time (decision 18).
 */

/** The body, checked by its DTO class. */
export const Body = (): ParameterDecorator => NestBody(RequestPipe);

/** The query string, checked by its DTO class. */
export const Query = (): ParameterDecorator => NestQuery(RequestPipe);

/** An id in the path: text that an id can be. */
export const Param = (name: string): ParameterDecorator => NestParam(name, RequestPipe);
