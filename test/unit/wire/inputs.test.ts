import 'reflect-metadata';
import { CUSTOM_ROUTE_ARGS_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/internal';
import { IsString } from 'class-validator';
import { Body, Param, Query } from '../../../src/wire/inputs.js';

class NameDto {
  @IsString()
  name: string;
}

class Routes {
  change(@Param('id') _id: string, @Query() _query: NameDto, @Body() _body: NameDto): void {}
}

interface Taken {
  readonly index: number;
  readonly pipes: readonly unknown[];
  readonly factory?: (data: unknown, context: unknown) => unknown;
}

/** As Nest reads them: in this order, and the last one for an index is the argument. */
const taken = Object.entries(
  Reflect.getMetadata(ROUTE_ARGS_METADATA, Routes, 'change') as Record<string, Taken>,
);
const request = { params: { id: 'one' }, query: { name: 'two', more: 1 }, body: { name: 'three' } };
const argument = (index: number, from: object = request): unknown =>
  taken
    .filter(([, one]) => one.index === index)
    .at(-1)?.[1]
    .factory?.(undefined, { getArgByIndex: () => from });

describe('what a caller sends', () => {
  it('is an argument that was checked, whatever Nest takes before it', () => {
    expect([0, 1, 2].map((index) => argument(index))).toEqual(['one', { name: 'two' }, { name: 'three' }]);
    expect(argument(2)).toBeInstanceOf(NameDto);
  });

  it.each([
    ['a path', 0, { params: { id: 'a\0' } }, 'resource_not_found'],
    ['a query', 1, { query: {} }, 'missing_parameter'],
    ['a body', 2, { body: { name: 'a', more: 1 } }, 'invalid_parameter'],
  ])('is refused where it is taken: %s', (_what, index, from, code) => {
    expect(() => argument(index, from)).toThrow(expect.objectContaining({ code }));
  });

  it('has no pipe, which would cost promises', () => {
    expect(taken.flatMap(([, { pipes }]) => pipes)).toEqual([]);
  });

  it('is taken by a decorator of Nest, too, for the documentation', () => {
    const names = taken.map(([name]) => name);
    expect(names.filter((name) => !name.includes(CUSTOM_ROUTE_ARGS_METADATA))).toHaveLength(3);
  });
});
