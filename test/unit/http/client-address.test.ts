import type { IncomingMessage } from 'node:http';
import { clientAddress, parseTrustProxy } from '../../../src/http/client-address.js';

/** A request from `remote`, with what the proxies in between have said. */
const aRequest = (remote: string, forwarded?: string) =>
  ({
    socket: { remoteAddress: remote },
    connection: { remoteAddress: remote },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;
const address = (trust: string, remote: string, forwarded?: string) =>
  clientAddress(aRequest(remote, forwarded), parseTrustProxy(trust));

describe('the address of a client', () => {
  it('is that of the connection when no proxy is trusted, whatever the request claims', () => {
    expect(address('off', '203.0.113.9')).toBe('203.0.113.9');
    expect(address('off', '203.0.113.9', '1.1.1.1')).toBe('203.0.113.9');
    expect(address('off', '127.0.0.1', '1.1.1.1')).toBe('127.0.0.1');
    expect(address('0', '127.0.0.1', '1.1.1.1')).toBe('127.0.0.1');
  });

  it('is what the last trusted proxy says, counted from here', () => {
    expect(address('1', '10.0.0.1', '1.1.1.1')).toBe('1.1.1.1');
    expect(address('1', '10.0.0.1', 'forged, 1.1.1.1')).toBe('1.1.1.1');
    expect(address('2', '10.0.0.1', 'forged, 1.1.1.1, 10.0.0.2')).toBe('1.1.1.1');
    expect(address('1', '10.0.0.1')).toBe('10.0.0.1');
  });

  it('is what trusted addresses say, and nobody else', () => {
    expect(address('10.0.0.0/8', '10.1.2.3', '6.6.6.6, 1.1.1.1')).toBe('1.1.1.1');
    expect(address('10.0.0.0/8, 192.168.0.1', '192.168.0.1', '6.6.6.6, 1.1.1.1, 10.9.9.9')).toBe('1.1.1.1');
    expect(address('10.0.0.0/8', '11.1.2.3', '1.1.1.1')).toBe('11.1.2.3');
    expect(address('fd00::/8', 'fd00::7', '1.1.1.1')).toBe('1.1.1.1');
    expect(address('loopback', '::1', '1.1.1.1')).toBe('1.1.1.1');
    // A dual-stack listener sees IPv4 connections under this form.
    expect(address('10.0.0.0/8', '::ffff:10.1.2.3', '1.1.1.1')).toBe('1.1.1.1');
  });

  it.each(['on', 'true', '10.0.0.0/33', '10.0.0.1,', 'proxy.example'])(
    'cannot be told by trusting %s',
    (text) => {
      expect(() => parseTrustProxy(text)).toThrow(TypeError);
    },
  );
});
