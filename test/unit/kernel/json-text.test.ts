import fc from 'fast-check';
import { JsonText, lineOf, toJson } from '../../../src/kernel/json-text.js';

const answers = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });

describe('JSON that is text already', () => {
  it('goes out as if it had been a value', () => {
    fc.assert(
      fc.property(answers, fc.jsonValue(), fc.string(), (answer, value, name) => {
        const written = { ...answer, [name]: JsonText.read(JSON.stringify(value)) };
        expect(toJson(written)).toBe(JSON.stringify({ ...answer, [name]: value }));
        expect(JSON.stringify([written])).toBe(JSON.stringify([{ ...answer, [name]: value }]));
      }),
    );
  });

  it('is not written anew', () => {
    expect(toJson({ messages: JsonText.read('[ 1.0 ]'), total: 1 })).toBe('{"messages":[ 1.0 ],"total":1}');
  });

  it('changes nothing for an answer without it', () => {
    for (const answer of [{}, [], { a: undefined, b: [{ c: new Date(0) }] }, ['text', null]])
      expect(toJson(answer)).toBe(JSON.stringify(answer));
  });

  it('is written once, and read once, however many ask', () => {
    let writes = 0;
    const value = { toJSON: () => ({ writes: ++writes }) };
    const written = JsonText.write(value);
    expect([written.toString(), written.toString(), toJson(written)]).toEqual(Array(3).fill('{"writes":1}'));
    expect(written.parse()).toBe(value);
    const read = JsonText.read<object>('{"a":1}');
    expect(read.parse()).toBe(read.parse());
    expect(read.parse()).toEqual({ a: 1 });
  });

  it('means the same on one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('\n', '\r\n', '\t'), (value, white) => {
        const pretty = JSON.stringify(value, null, 2).replaceAll('\n', white);
        const line = lineOf(JsonText.read(pretty));
        expect(line).not.toMatch(/[\r\n]/);
        expect(JSON.parse(line)).toEqual(JSON.parse(pretty));
      }),
    );
  });

  it('leaves out a field that has no value', () => {
    expect(toJson({ messages: JsonText.read('[]'), next_after: undefined })).toBe('{"messages":[]}');
  });
});
