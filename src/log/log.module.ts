import { Global, Module } from '@nestjs/common';
import { Appender } from './appender.js';
import { LogChanges } from './log-changes.js';
import { LogReader } from './log-reader.js';
import { BatchWriter } from './persistence/batch-writer.js';
import { SizeLimits } from './size-limits.js';
import { PlatformUsers } from './platform-users.js';

/** The log: the only code that writes messages. */
@Global()
@Module({
  providers: [PlatformUsers, LogReader, BatchWriter, SizeLimits, Appender, LogChanges],
  exports: [SizeLimits, PlatformUsers, LogReader, Appender, LogChanges],
})
export class LogModule {}
