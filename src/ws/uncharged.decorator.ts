import { Reflector } from '@nestjs/core';

/** A command that costs nothing: it belongs to one that was charged. */
export const Uncharged = Reflector.createDecorator<true>();
