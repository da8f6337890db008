import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { CONFIG, type Config } from '../config/config.js';
import { invalidParameter } from '../kernel/errors.js';

/** The prefix by which networks of IPv6 alone reach IPv4 (RFC 6052). */
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96') as [ipaddr.IPv6, number];
/** What the registry of IPv6 calls global unicast (RFC 4291, IANA); everything else is of no use to a webhook. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];
/** Of the internet by their numbers, but inside of clouds: the host agent of Azure, which every machine there reaches. */
const INSIDE_CLOUDS: ReadonlySet<string> = new Set(['168.63.129.16']);
const REFUSED = 'must not lead to a private, loopback or otherwise reserved address';
/** To whoever makes an endpoint. */
const REFUSED_URL = `${REFUSED}, unless the operator of this server sets WEBHOOK_ALLOW_PRIVATE_TARGETS=on`;

/** The callback of `dns.lookup`, in both of its forms. */
type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** An address that nobody may send this server to. */
export class RefusedTarget extends Error {
  constructor() {
    super(`the target ${REFUSED}`);
    this.name = 'RefusedTarget';
  }
}

/**
 * Where webhooks may go: only to public addresses, so that nobody makes this server call what only it can reach (SSRF).
 * Checked when an endpoint is made, and for every connection, on the very addresses that are connected to: a name that
 * changes its mind in between (DNS rebinding) gains nothing.
 */
@Injectable()
export class TargetGuard {
  private readonly allowPrivate: boolean;

  constructor(@Inject(CONFIG) { WEBHOOK_ALLOW_PRIVATE_TARGETS }: Config) {
    this.allowPrivate = WEBHOOK_ALLOW_PRIVATE_TARGETS === 'on';
  }

  /** @throws ParleyError `invalid_parameter` for a URL that webhooks must not go to, or that leads nowhere */
  async check(text: string): Promise<void> {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !/^https?:$/.test(url.protocol))
      throw invalidParameter('url', 'must be an http or https URL');
    if (url.username || url.password) throw invalidParameter('url', 'must not contain a user or a password');
    if (!this.isHostAllowed(url)) throw invalidParameter('url', REFUSED_URL);
    await new Promise<void>((done, fail) =>
      this.lookup(hostOf(url), { all: true }, (error) => {
        if (!error) done();
        else if (error instanceof RefusedTarget) fail(invalidParameter('url', REFUSED_URL));
        else fail(invalidParameter('url', 'has a host name that leads nowhere'));
      }),
    );
  }

  /** @throws RefusedTarget for a URL with an address in it that is refused; a name is judged by {@link lookup} */
  checkAddress(url: URL): void {
    if (!this.isHostAllowed(url)) throw new RefusedTarget();
  }

  /** `dns.lookup`, which fails with {@link RefusedTarget} unless all that the name leads to is allowed. */
  readonly lookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (!addresses.every(({ address }) => this.isAllowed(address)))
        return callback(new RefusedTarget(), []);
      const [first] = addresses;
      if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };

  private isHostAllowed(url: URL): boolean {
    const host = hostOf(url);
    return !ipaddr.isValid(host) || this.isAllowed(host);
  }

  private isAllowed(address: string): boolean {
    return this.allowPrivate || isPublic(address);
  }
}

/** Whether an IP address is one of the internet's: not private, loopback, link-local, multicast or reserved. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  const judged = parsed instanceof ipaddr.IPv6 ? (embeddedIPv4(parsed) ?? parsed) : parsed;
  if (judged.range() !== 'unicast' || INSIDE_CLOUDS.has(judged.toString())) return false;
  return judged instanceof ipaddr.IPv4 || judged.match(GLOBAL_IPV6);
}

/** The IPv4 address that an IPv6 address is another form of: `::ffff:0:0/96`, and {@link NAT64}. */
function embeddedIPv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  if (address.range() !== 'ipv4Mapped' && !address.match(NAT64)) return undefined;
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

/** Without the brackets of an IPv6 address, and without the dot at the end of a name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}
