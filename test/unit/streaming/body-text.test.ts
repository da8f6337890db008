import { PassThrough } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ParleyError } from '../../../src/kernel/errors.js';
import { type Reading, textOf } from '../../../src/streaming/http/body-text.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function aReading(silence = 600_000): Reading {
  const stopping = new AbortController();
  return { silence, signal: stopping.signal, end: (reason) => stopping.abort(reason) };
}

it('keeps nothing of the chunks that were taken, however many there are', async () => {
  const body = new PassThrough();
  const texts = textOf(body, aReading());
  const chunks: WeakRef<Buffer>[] = [];
  for (let i = 0; i < 200; i++) {
    const taken = texts.next();
    const chunk = Buffer.allocUnsafeSlow(1024).fill('x');
    chunks.push(new WeakRef(chunk));
    body.write(chunk);
    await taken;
  }
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds on until the end of the turn
  collectGarbage();
  const kept = chunks.filter((chunk) => chunk.deref() !== undefined);
  expect(kept.length).toBeLessThan(10);
  body.end();
  expect((await texts.next()).done).toBe(true);
});

it('ends as if the body had ended, or fails with the reason, also in the middle of a wait', async () => {
  const [stopped, failed] = [aReading(), aReading()];
  const texts = [stopped, failed].map((reading) => textOf(new PassThrough(), reading).next());
  stopped.end();
  failed.end(new ParleyError('invalid_api_key'));
  expect(await texts[0]).toEqual({ done: true, value: undefined });
  await expect(texts[1]).rejects.toMatchObject({ code: 'invalid_api_key' });
});

it('reads no further once it was ended', async () => {
  const body = new PassThrough();
  const reading = aReading();
  const texts = textOf(body, reading);
  body.write('a');
  expect((await texts.next()).value).toBe('a');
  body.write('b');
  reading.end();
  expect((await texts.next()).done).toBe(true);
});

it('fails when nothing comes', async () => {
  await expect(textOf(new PassThrough(), aReading(20)).next()).rejects.toMatchObject({
    code: 'invalid_request',
    details: { limit: 20 },
  });
});
