import fc from 'fast-check';
import { findJsonProblem, MAX_JSON_DEPTH } from '../../../src/kernel/json.js';

/** What a body parser may hand over: JSON text, parsed. */
const parsed = (text: string): unknown => JSON.parse(text);

describe('what is wrong with a JSON value', () => {
  it('is nothing, for any JSON of well-formed text', () => {
    const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
    const key = text.filter((value) => value !== '__proto__');
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 5 },
        text,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true, false),
        fc.array(tie('json')),
        fc.dictionary(key, tie('json')),
      ),
    }));
    fc.assert(fc.property(json, (value) => findJsonProblem(value) === undefined));
  });

  it.each([
    ['NUL in a text', '{"a": {"b": ["x", "y\\u0000"]}}', 'a.b.1', /NUL/],
    ['NUL in a key', '{"a": {"b\\u0000": 1}}', 'a', /key.*NUL/],
    ['a lone high surrogate', '{"a": "\\ud83d"}', 'a', /surrogate/],
    ['a lone low surrogate', '["\\ude00"]', '0', /surrogate/],
    ['surrogates in the wrong order', '{"a": "\\ude00\\ud83d"}', 'a', /surrogate/],
    ['a lone surrogate in a key', '{"\\ud83d": 1}', '', /key.*surrogate/],
    ['__proto__', '{"a": {"__proto__": {"admin": true}}}', 'a', /__proto__/],
  ])('is %s', (_, text, path, problem) => {
    expect(findJsonProblem(parsed(text))).toEqual({ path, problem: expect.stringMatching(problem) });
  });

  it('is not a pair of surrogates', () => {
    expect(findJsonProblem(parsed('{"a": "\\ud83d\\ude00"}'))).toBeUndefined();
  });

  it('is nesting, beyond the limit and not at it', () => {
    const nested = (depth: number): unknown => parsed('['.repeat(depth) + ']'.repeat(depth));
    expect(findJsonProblem(nested(MAX_JSON_DEPTH))).toBeUndefined();
    expect(findJsonProblem(nested(MAX_JSON_DEPTH + 1))?.problem).toMatch(/deeper than 32/);
    expect(findJsonProblem(nested(5_000))?.problem).toMatch(/deeper than 32/);
  });

  it.each([
    ['undefined', undefined],
    ['NaN', NaN],
    ['an infinite number', Infinity],
    ['a bigint', 1n],
    ['a date', new Date(0)],
    ['bytes', Buffer.from('x')],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
  ])('is %s, which a socket could carry', (_, value) => {
    expect(findJsonProblem({ a: [value] })).toEqual({ path: 'a.0', problem: 'must be JSON' });
  });
});
