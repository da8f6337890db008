import { Global, Module } from '@nestjs/common';
import { Appender } from './appender.js';
import { Claims } from './claims.js';
import { Fence } from './fence.js';
import { Inbox } from './inbox.js';
import { LogChanges } from './log-changes.js';
import { LogReader } from './log-reader.js';
import { BatchWriter } from './persistence/batch-writer.js';
import { Replies } from './replies.js';
import { SizeLimits } from './size-limits.js';
import { StreamTexts } from './stream-texts.js';
import { StreamAdmission } from './stream-admission.js';
import { StreamWrites } from './stream-writes.js';
import { Subscriptions } from './subscriptions.js';
import { PlatformUsers } from './platform-users.js';

/** The log: the only code that writes messages. */
@Global()
@Module({
  providers: [
    PlatformUsers,
    LogReader,
    BatchWriter,
    SizeLimits,
    Appender,
    LogChanges,
    Fence,
    Claims,
    Inbox,
    Replies,
    StreamAdmission,
    StreamWrites,
    StreamTexts,
    Subscriptions,
  ],
  exports: [
    SizeLimits,
    PlatformUsers,
    LogReader,
    Appender,
    LogChanges,
    Fence,
    Claims,
    Inbox,
    Replies,
    StreamAdmission,
    StreamWrites,
    StreamTexts,
    Subscriptions,
  ],
})
export class LogModule {}
