import { loadConfig, VARIABLES } from '../../../src/config/config.js';
import { fileText, yamlDocuments } from './yaml.js';

const [compose] = yamlDocuments('compose.yaml');
const services = compose.services as Record<string, any>;
const nodes = Object.entries(services).filter(([, { image }]) => image === 'parley');
/** As Compose fills them in when nothing is set. */
const filled = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

describe('compose.yaml', () => {
  it('runs the nodes that deploy/nginx.conf leads to, and nothing else', () => {
    const inNginx = new Set(fileText('deploy/nginx.conf').match(/node-\d+(?=:3000)/g));
    expect(nodes.map(([name]) => name).sort()).toEqual([...inNginx].sort());
    expect(nodes.length).toBeGreaterThan(1);
    expect(fileText('deploy/haproxy.cfg')).toContain(`${nodes.at(-1)?.[0]}:3000`);
  });

  it('gives each node variables that it knows, with values that it takes', () => {
    for (const [, { environment }] of nodes) {
      for (const name of Object.keys(environment as object)) expect(Object.keys(VARIABLES)).toContain(name);
      const given = Object.entries(environment as Record<string, string | number | null>)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => [name, filled(String(value))]);
      const config = loadConfig(Object.fromEntries(given) as Record<string, string>);
      expect(services).toHaveProperty(new URL(config.DATABASE_URL ?? '').hostname);
      expect(services).toHaveProperty(new URL(config.REDIS_URL ?? '').hostname);
      expect(config.TRUST_PROXY).toBe('1');
    }
  });

  it('leaves a node the time to drain', () => {
    for (const [, { stop_grace_period: grace }] of nodes)
      expect(parseInt(grace as string) * 1000).toBeGreaterThan(loadConfig({}).DRAIN_TIMEOUT_MS + 5000);
  });

  it('shows the world nginx alone, on this machine alone', () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['proxy']);
    expect(filled(published[0]?.[1].ports[0] as string)).toBe('127.0.0.1:3000:80');
    expect(fileText('deploy/nginx.conf')).toMatch(/^ {2}listen 80;$/m);
  });

  it('depends on services that there are, and keeps data in volumes that there are', () => {
    for (const { depends_on = {}, volumes = [] } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries<any>(depends_on as object)) {
        expect(condition).toBe('service_healthy');
        const { healthcheck, image } = services[name];
        expect(
          healthcheck !== undefined || (image === 'parley' && /^HEALTHCHECK /m.test(fileText('Dockerfile'))),
        ).toBe(true);
      }
      for (const volume of volumes as string[]) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('./')) expect(fileText(source).length).toBeGreaterThan(0);
        else expect(compose.volumes).toHaveProperty(source);
      }
    }
  });
});
