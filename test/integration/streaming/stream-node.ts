import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Bus } from '../../../src/bus/bus.js';
import { BusModule } from '../../../src/bus/bus.module.js';
import { LocalBus } from '../../../src/bus/local-bus.js';
import { loadConfig } from '../../../src/config/config.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { FollowModule } from '../../../src/follow/follow.module.js';
import { Followers } from '../../../src/follow/followers.js';
import { messageId } from '../../../src/kernel/ids.js';
import { Appender } from '../../../src/log/appender.js';
import { Inbox } from '../../../src/log/inbox.js';
import { LogChanges } from '../../../src/log/log-changes.js';
import { LogModule } from '../../../src/log/log.module.js';
import { LogReader } from '../../../src/log/log-reader.js';
import { PlatformUsers } from '../../../src/log/platform-users.js';
import { StreamTexts } from '../../../src/log/stream-texts.js';
import { StreamWrites } from '../../../src/log/stream-writes.js';
import { NodesModule } from '../../../src/nodes/nodes.module.js';
import { Announcer } from '../../../src/streaming/announcer.js';
import { LiveStreams } from '../../../src/streaming/live-streams.js';
import { StopService } from '../../../src/streaming/stop.service.js';
import type { StreamSource } from '../../../src/streaming/stream-source.js';
import { StreamSaver } from '../../../src/streaming/stream-saver.js';
import { StreamSweeper } from '../../../src/streaming/stream-sweeper.js';
import { Streams } from '../../../src/streaming/streams.js';
import { TakeOvers } from '../../../src/streaming/take-overs.js';

/** Streaming on one node, wired as in the server, with a connection pool of its own and without edges. */
export interface StreamNode {
  streams: Streams;
  stops: StopService;
  writes: StreamWrites;
  texts: StreamTexts;
  appender: Appender;
  changes: LogChanges;
  inbox: Inbox;
  reader: LogReader;
  users: PlatformUsers;
  followers: Followers;
  dataSource: DataSource;
  close(): Promise<void>;
  /** It can do nothing any more, and says goodbye to nobody: as after `kill -9`. */
  kill(): Promise<void>;
}

/** @param bus what nodes of one test share; by itself each is alone */
export async function startStreamNode(
  url: string,
  env: Record<string, string> = {},
  bus: Bus = new LocalBus(),
): Promise<StreamNode> {
  const config = loadConfig({ DATABASE_URL: url, DATABASE_POOL_SIZE: '4', STREAM_SAVE_MS: '20', ...env });
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.with(config),
      DatabaseModule.with({ url }, config.DATABASE_POOL_SIZE),
      { module: BusModule, providers: [{ provide: Bus, useValue: bus }], exports: [Bus] },
      NodesModule,
      LogModule,
      FollowModule,
    ],
    providers: [StreamSaver, Announcer, LiveStreams, TakeOvers, Streams, StreamSweeper, StopService],
  })
    .setLogger(false as never)
    .compile();
  await module.init();
  const dataSource = module.get<DataSource>(getDataSourceToken());
  return {
    streams: module.get(Streams),
    stops: module.get(StopService),
    writes: module.get(StreamWrites),
    texts: module.get(StreamTexts),
    appender: module.get(Appender),
    changes: module.get(LogChanges),
    inbox: module.get(Inbox),
    reader: module.get(LogReader),
    users: module.get(PlatformUsers),
    followers: module.get(Followers),
    dataSource,
    close: () => module.close(),
    kill: async () => {
      await dataSource.destroy();
      await module.close().catch(() => undefined);
    },
  };
}

/** Somebody who writes answers, as REST does: without a claim. */
export function aSource(accountId: number, more: Partial<StreamSource> = {}): StreamSource {
  return { id: 'request-test', accountId, keyId: 'key_test', holder: null, onStop: () => undefined, ...more };
}

/** A message id of nobody. */
export const NO_MESSAGE = messageId({ userId: 1, seq: 1 });
