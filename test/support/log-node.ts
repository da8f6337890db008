import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { KeyPrincipal } from '../../src/auth/principal.js';
import { Bus } from '../../src/bus/bus.js';
import { BusModule } from '../../src/bus/bus.module.js';
import { LocalBus } from '../../src/bus/local-bus.js';
import { loadConfig } from '../../src/config/config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { Database } from '../../src/database/database.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import type { Hint, InboxHint, LogHint } from '../../src/kernel/events.js';
import { Appender } from '../../src/log/appender.js';
import { Claims } from '../../src/log/claims.js';
import { Inbox } from '../../src/log/inbox.js';
import { LogChanges } from '../../src/log/log-changes.js';
import { LogModule } from '../../src/log/log.module.js';
import { LogReader } from '../../src/log/log-reader.js';
import type { NewMessage } from '../../src/log/log-types.js';
import { Replies } from '../../src/log/replies.js';
import { NodeRegistry } from '../../src/nodes/node-registry.js';
import { NodesModule } from '../../src/nodes/nodes.module.js';
import { PlatformUsers } from '../../src/log/platform-users.js';
import { Subscriptions } from '../../src/log/subscriptions.js';
import { SessionsModule } from '../../src/sessions/sessions.module.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';

/** The bus of one node, which remembers what was published. */
export class RecordingBus extends LocalBus {
  readonly hints: LogHint[] = [];
  readonly rings: InboxHint[] = [];
  onHint: (hint: LogHint) => void = () => undefined;

  override publish(hint: Hint): void {
    if (hint.kind === 'log') {
      this.hints.push(hint);
      this.onHint(hint);
    }
    if (hint.kind === 'inbox') this.rings.push(hint);
    super.publish(hint);
  }
}

/** The log of one node, wired as in the server, with a connection pool of its own. */
export interface LogNode {
  appender: Appender;
  changes: LogChanges;
  reader: LogReader;
  users: PlatformUsers;
  subscriptions: Subscriptions;
  sessions: SessionsService;
  inbox: Inbox;
  claims: Claims;
  replies: Replies;
  registry: NodeRegistry;
  bus: RecordingBus;
  database: Database;
  dataSource: DataSource;
  close(): Promise<void>;
}

export async function startLogNode(url: string, env: Record<string, string> = {}): Promise<LogNode> {
  const config = loadConfig({ DATABASE_URL: url, ...env });
  const bus = new RecordingBus();
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.with(config),
      DatabaseModule.with({ url }, config.DATABASE_POOL_SIZE),
      NodesModule,
      { module: BusModule, providers: [{ provide: Bus, useValue: bus }], exports: [Bus] },
      LogModule,
      SessionsModule,
    ],
  }).compile();
  await module.init();
  return {
    appender: module.get(Appender),
    changes: module.get(LogChanges),
    reader: module.get(LogReader),
    users: module.get(PlatformUsers),
    subscriptions: module.get(Subscriptions),
    sessions: module.get(SessionsService),
    inbox: module.get(Inbox),
    claims: module.get(Claims),
    replies: module.get(Replies),
    registry: module.get(NodeRegistry),
    bus,
    database: module.get(Database),
    dataSource: module.get<DataSource>(getDataSourceToken()),
    close: () => module.close(),
  };
}

/** A new account, straight into the table. */
export async function anAccount({ dataSource }: LogNode): Promise<number> {
  const name = `account-${Math.random().toString(36).slice(2)}`;
  const rows: { id: number }[] = await dataSource.query(
    'INSERT INTO accounts (name) VALUES ($1) RETURNING id',
    [name],
  );
  return rows[0]?.id ?? 0;
}

/** Who may do everything in an account. */
export function aKey(accountId: number): KeyPrincipal {
  return {
    kind: 'api_key',
    accountId,
    keyId: 'key_test',
    scopes: ['user', 'agent', 'admin'],
    rateLimitPerHour: null,
    expiresAt: null,
  };
}

/** A message from an assistant, if nothing else is said. */
export function aMessage({
  content = 'Hello',
  ...fields
}: Partial<NewMessage> & { content?: string } = {}): NewMessage {
  const sender = fields.sender ?? 'assistant';
  return { sender, payload: { content, sender, attachments: [] }, metadata: {}, ...fields };
}
