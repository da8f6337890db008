import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../database/settings.js';

/** Names each log, so that a client can tell whether a position which it remembers means anything here. */
@Injectable()
export class Epochs implements OnModuleInit {
  private installation = '';

  constructor(private readonly settings: Settings) {}

  async onModuleInit(): Promise<void> {
    this.installation = (await this.settings.get('epoch')) ?? '';
  }

  /** This installation's log of this user: an erased user who comes back has another one. */
  of(userId: number): string {
    return `${this.installation}.${userId.toString(36)}`;
  }

  /**
   * Whether a position that a client remembers is one of this log.
   *
   * @param head the log's head
   * @param epoch what the client remembers with it, if anything
   */
  knows(userId: number, head: number, position: number, epoch: string | undefined): boolean {
    return position <= head && this.isOf(userId, epoch);
  }

  /** Whether a client that remembers this epoch, if any, means this log. */
  isOf(userId: number, epoch: string | undefined): boolean {
    return epoch === undefined || epoch === this.of(userId);
  }
}
