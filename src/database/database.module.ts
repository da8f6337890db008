import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DATABASE_ADDRESS, type DatabaseAddress, dataSourceOptions, ANSWER_TIMEOUT } from './data-source.js';
import { Database } from './database.js';
import { Settings } from './settings.js';

/** The connection pool, for everybody. */
@Global()
@Module({})
export class DatabaseModule {
  static with(address: DatabaseAddress, poolSize: number): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(address, { size: poolSize, answerTimeout: ANSWER_TIMEOUT }),
          retryAttempts: 0,
        }),
      ],
      providers: [Database, Settings, { provide: DATABASE_ADDRESS, useValue: address }],
      exports: [Database, Settings, DATABASE_ADDRESS],
    };
  }
}
