import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterNode } from './cluster-node.js';
import type { RestCaller } from './rest-client.js';

const LIMIT_MS = 10_000;
const RETRY_MS = 20;
/** How often a balancer asks a node whether it is ready. */
const CHECK_MS = 250;

interface RawAnswer {
  status: number;
  text: string;
  /** The node has said that it ends this connection. */
  closes: boolean;
}

/** What every load balancer knows: whose turn it is, and who is ready. */
export class RoundRobin {
  private ready: ReadonlySet<ClusterNode>;
  private turn = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly nodes: readonly ClusterNode[]) {
    this.ready = new Set(nodes);
    this.timer = setInterval(() => void this.check(), CHECK_MS);
  }

  next(): ClusterNode {
    const candidates = this.nodes.filter((node) => this.ready.has(node));
    const from = candidates.length > 0 ? candidates : this.nodes;
    return from[this.turn++ % from.length]!;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async check(): Promise<void> {
    const statuses = await Promise.all(this.nodes.map((node) => node.readiness()));
    this.ready = new Set(this.nodes.filter((_, index) => statuses[index] === 200));
  }
}

/**
 * A REST client behind a tiny load balancer: one ready node after the other, on connections that are kept. What was
 * refused or answered 503 has certainly not been done, so another node is asked; anything else that fails is a request
 * that was lost, and a fault.
 */
export class RoundRobinClient implements RestCaller {
  readonly faults: string[] = [];
  unavailable = 0;
  /** Connections that were refused. */
  unanswered = 0;
  /** Answers that announced the end of their connection. */
  closing = 0;
  private readonly agent = new Agent({ keepAlive: true });

  constructor(
    private readonly key: string,
    private readonly balancer: RoundRobin,
  ) {}

  async ask(method: string, path: string, body?: object): Promise<any> {
    for (;;) {
      const node = this.balancer.next();
      const answer = await this.attempt(`${node.url}${path}`, method, body).catch((error: unknown) => {
        if ((error as { code?: string }).code === 'ECONNREFUSED') this.unanswered++;
        else this.faults.push(`${method} ${path} to ${node.name} was lost: ${String(error)}`);
        return undefined;
      });
      if (answer?.closes) this.closing++;
      if (answer && answer.status < 300) return JSON.parse(answer.text);
      if (answer?.status === 503) this.unavailable++;
      else if (answer)
        this.faults.push(`${method} ${path} to ${node.name} was answered ${answer.status} ${answer.text}`);
      await delay(RETRY_MS);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private attempt(url: string, method: string, body?: object): Promise<RawAnswer> {
    const headers = {
      authorization: `Bearer ${this.key}`,
      ...(body && { 'content-type': 'application/json' }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: this.agent, timeout: LIMIT_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject).on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            text,
            closes: response.headers.connection === 'close',
          });
        });
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer'))).on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  }
}
