import { Global, Module } from '@nestjs/common';
import { Appender } from './appender.js';
import { LogChanges } from './log-changes.js';
import { LogReader } from './log-reader.js';
import { PlatformUsers } from './platform-users.js';

/** The log: the only code that writes messages. */
@Global()
@Module({
  providers: [PlatformUsers, LogReader, Appender, LogChanges],
  exports: [PlatformUsers, LogReader, Appender, LogChanges],
})
export class LogModule {}
