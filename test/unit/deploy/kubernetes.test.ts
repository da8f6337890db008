import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, VARIABLES } from '../../../src/config/config.js';
import { fileText, yamlDocuments } from './yaml.js';

const FOLDER = 'deploy/kubernetes';
const files = readdirSync(join(__dirname, '../../..', FOLDER)).filter((file) => file.endsWith('.yaml'));
const documents = files.flatMap((file) => yamlDocuments(`${FOLDER}/${file}`));

/** The one object of a kind, or with a name. */
function object(kind: string, name = 'parley'): any {
  const found = documents.filter((one) => one.kind === kind && (one.metadata?.name ?? name) === name);
  expect(found).toHaveLength(1);
  return found[0];
}

const deployment = object('Deployment').spec;
const pod = deployment.template.spec;
const container = pod.containers[0];
const env: Record<string, string> = Object.fromEntries(
  container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
);
const openapi = JSON.parse(fileText('openapi.json')) as { paths: Record<string, unknown> };
/** Seconds that a stopping process has after `DRAIN_TIMEOUT_MS` (CLOSE_TIMEOUT in src/server.ts). */
const CLOSE_SECONDS = Number(/^const CLOSE_TIMEOUT = (\d+);$/m.exec(fileText('src/server.ts'))?.[1]) / 1000;

describe('deploy/kubernetes', () => {
  it('gives the program variables that it knows, with values that it takes', () => {
    const secret = object('Secret').stringData as Record<string, string>;
    for (const name of [...Object.keys(env), ...Object.keys(secret)])
      expect(Object.keys(VARIABLES)).toContain(name);
    expect(() => loadConfig({ ...env, ...secret })).not.toThrow();
    expect(container.envFrom).toEqual([{ secretRef: { name: object('Secret').metadata.name } }]);
  });

  it('asks the port that a node listens on, for paths that it serves', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: loadConfig(env).PORT }]);
    expect(loadConfig(env).HOST).toBe('0.0.0.0');
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      expect(container[probe].httpGet.port).toBe('http');
      expect(Object.keys(openapi.paths)).toContain(container[probe].httpGet.path);
    }
    expect(container.livenessProbe.httpGet.path).toBe('/health/live'); // a restart helps against no database
    expect(container.readinessProbe.httpGet.path).toBe('/health/ready');
  });

  it('leaves a node the time to drain', () => {
    const [program, seconds] = container.lifecycle.preStop.exec.command as [string, string];
    expect(program).toBe('sleep');
    const needed = Number(seconds) + loadConfig(env).DRAIN_TIMEOUT_MS / 1000 + CLOSE_SECONDS;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(needed);
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(Number(seconds)).toBeGreaterThanOrEqual(periodSeconds * failureThreshold);
  });

  it('takes no node away before another is there', () => {
    expect(deployment.replicas).toBeGreaterThan(1);
    expect(deployment.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(object('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
  });

  it('runs as nobody in particular, and cannot become anybody else', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: expect.any(Number) });
    expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
    expect(fileText('Dockerfile')).toMatch(/^USER node$/m);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.limits.cpu).toBeUndefined();
    expect(container.resources.limits.memory).toBeDefined();
  });

  it('selects its own pods, everywhere', () => {
    const labels = deployment.template.metadata.labels as object;
    expect(deployment.selector.matchLabels).toEqual(labels);
    expect(object('Service').spec.selector).toEqual(labels);
    expect(object('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels);
    expect(object('HorizontalPodAutoscaler').spec.scaleTargetRef).toMatchObject({
      kind: 'Deployment',
      name: object('Deployment').metadata.name,
    });
    expect(object('Service').spec.ports[0].targetPort).toBe(container.ports[0].name);
  });

  it('scales by the metric that nodes have', () => {
    const [pods] = object('HorizontalPodAutoscaler').spec.metrics;
    expect(pods.pods.metric.name).toBe('parley_connections');
    expect(fileText('src/app.setup.ts')).toContain(`'${pods.pods.metric.name}'`);
  });

  it('leads clients to the service, and holds a quiet connection longer than it is quiet', () => {
    const ingresses = documents.filter(({ kind }) => kind === 'Ingress');
    const paths = ingresses.map(({ spec }) => spec.rules[0].http.paths.map(({ path }: any) => path));
    const streams = ['/v1/message/stream', '/api/v1/message/stream'];
    expect(paths).toEqual([['/'], ['/socket.io/'], streams]);
    for (const { spec, metadata } of ingresses) {
      for (const { backend } of spec.rules[0].http.paths)
        expect(backend.service).toEqual({ name: 'parley', port: { name: 'http' } });
      expect(spec.tls[0].hosts).toEqual([spec.rules[0].host]);
      const seconds = metadata.annotations['nginx.ingress.kubernetes.io/proxy-read-timeout'];
      expect(Number(seconds)).toBeGreaterThan(60);
    }
  });

  it('lists every file that is to be applied', () => {
    const listed = object('Kustomization').resources as string[];
    const others = ['kustomization.yaml', 'secret.example.yaml'];
    expect([...listed, ...others].sort()).toEqual([...files].sort());
  });
});
