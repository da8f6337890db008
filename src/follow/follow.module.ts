import { Global, Module } from '@nestjs/common';
import { Followers } from './followers.js';
import { LogWaiter } from './log-waiter.js';
import { Replay } from './replay.js';

/** The one way out of the log: followers, and those who listen to them. */
@Global()
@Module({ providers: [Followers, Replay, LogWaiter], exports: [Followers, Replay, LogWaiter] })
export class FollowModule {}
