import { loadConfig } from '../../../src/config/config.js';
import { isPublic, RefusedTarget, TargetGuard } from '../../../src/webhooks/target-guard.js';

const guard = new TargetGuard(loadConfig({}));
const open = new TargetGuard(loadConfig({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'on' }));

const PUBLIC = [
  '8.8.8.8',
  '93.184.216.34',
  '2606:4700:4700::1111',
  '2a00:1450::1',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
];
const RESERVED = [
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...[
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
  ],
  ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', 'fe80::1', 'fc00::1', 'fd12:3456::1', 'fec0::1', 'ff02::1', '2001:db8::1', '100::1'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::127.0.0.1', '64:ff9b::7f00:1'],
  ...['168.63.129.16', '::ffff:168.63.129.16', '64:ff9b::a83f:8110', '169.254.170.2', '100.100.100.200'],
  ...['192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254', '4000::1', '1::1', '5f00::1', '200::1', '3fff::1'],
  ...['::ffff:0:127.0.0.1', '::7f00:1', '::808:808', '100:0:0:1::1', '2001:2::1', '2620:4f:8000::1'],
  ...['64:ff9b::a9fe:a9fe', '64:ff9b:1::808:808', '2002:7f00:1::', '2001::1', 'fe80::1%eth0', 'no address'],
];

it.each(PUBLIC)('%s is an address of the internet', (address) => expect(isPublic(address)).toBe(true));
it.each(RESERVED)('%s is not', (address) => expect(isPublic(address)).toBe(false));

describe('A URL with an address in it', () => {
  const refused = [
    ...[
      'http://127.0.0.1/',
      'http://127.1/',
      'http://2130706433/',
      'http://0x7f000001/',
      'http://0177.0.0.1/',
    ],
    ...['http://[::1]/', 'http://[::ffff:7f00:1]/', 'http://169.254.169.254/latest/meta-data', 'http://0/'],
    ...['http://10.0.0.1:8080/', 'https://[fd00::1]/', 'http://127.0.0.1./', 'http://①②⑦.0.0.1/'],
  ];

  it.each(refused)('%s is refused, also for each connection', async (url) => {
    await expect(guard.check(url)).rejects.toMatchObject({ code: 'invalid_parameter' });
    expect(() => guard.checkAddress(new URL(url))).toThrow(RefusedTarget);
    expect(() => open.checkAddress(new URL(url))).not.toThrow();
  });

  it.each(['https://93.184.216.34/hook', 'http://[2606:4700:4700::1111]:8443/'])(
    '%s is taken',
    async (url) => {
      await guard.check(url);
      expect(() => guard.checkAddress(new URL(url))).not.toThrow();
    },
  );
});

describe('A URL', () => {
  it.each<[string, RegExp]>([
    ['ftp://93.184.216.34/', /http or https/],
    ['file:///etc/passwd', /http or https/],
    ['gopher://93.184.216.34/', /http or https/],
    ['//93.184.216.34/', /http or https/],
    ['nonsense', /http or https/],
    ['https://me:secret@93.184.216.34/', /user or a password/],
    ['https://me@93.184.216.34/', /user or a password/],
    ['http://localhost/', /private, loopback/],
    ['http://localhost./', /private, loopback/],
    ['http://no-such-host.invalid/', /leads nowhere/],
  ])('%s is refused', async (url, message) => {
    await expect(guard.check(url)).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringMatching(message),
    });
  });

  it('to this machine is taken where private targets are allowed, never with a password or another scheme', async () => {
    await open.check('http://localhost:9/');
    await expect(open.check('http://me:secret@localhost/')).rejects.toMatchObject({
      code: 'invalid_parameter',
    });
    await expect(open.check('ftp://localhost/')).rejects.toMatchObject({ code: 'invalid_parameter' });
  });
});

describe('A name that is connected to', () => {
  const lookup = (of: TargetGuard, all: boolean) =>
    new Promise((done, fail) =>
      of.lookup('localhost', { all }, (error, address) => (error ? fail(error) : done(address))),
    );

  it('is judged by what it leads to at that moment', async () => {
    await expect(lookup(guard, true)).rejects.toThrow(RefusedTarget);
    await expect(lookup(guard, false)).rejects.toThrow(RefusedTarget);
  });

  it('gives the addresses that were judged, in both forms of dns.lookup', async () => {
    expect(await lookup(open, true)).toContainEqual({ address: '127.0.0.1', family: 4 });
    expect(await lookup(open, false)).toMatch(/^(127\.0\.0\.1|::1)$/);
  });
});
