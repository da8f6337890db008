import { Global, Module } from '@nestjs/common';
import { Appender } from './appender.js';
import { LogChanges } from './log-changes.js';
import { LogReader } from './log-reader.js';
import { BatchWriter } from './persistence/batch-writer.js';
import { PlatformUsers } from './platform-users.js';

/** The log: the only code that writes messages. */
@Global()
@Module({
  providers: [PlatformUsers, LogReader, BatchWriter, Appender, LogChanges],
  exports: [PlatformUsers, LogReader, Appender, LogChanges],
})
export class LogModule {}
