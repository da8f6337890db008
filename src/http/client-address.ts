import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

/** Whether the proxy at `address`, `hop` steps away, is believed. */
export type TrustProxy = (address: string, hop: number) => boolean;

/**
 * Reads `TRUST_PROXY`.
 *
 * @param text `off`, a number of proxies, or addresses and CIDR ranges
 * @throws TypeError for anything else
 */
export function parseTrustProxy(text: string): TrustProxy {
  if (text === 'off') return () => false;
  if (/^\d{1,3}$/.test(text)) return (_address, hop) => hop < Number(text);
  return proxyAddr.compile(text.split(',').map((range) => range.trim()));
}

/** The address of whoever sent a request: of the connection, or of whom trusted proxies say they speak for. */
export function clientAddress(request: IncomingMessage, trust: TrustProxy): string {
  return proxyAddr(request, trust);
}
