import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CredentialWatch } from '../auth/credential-watch.js';
import { Subscriptions } from '../log/subscriptions.js';
import { DeliveryRelay } from './delivery-relay.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';

/** How long a start that failed is not tried again, in milliseconds. */
const START_PAUSE = 5000;

/**
 * Knows which accounts have endpoints, tells the log, and starts queue, relay and worker when there is the first one: who
 * has no webhooks pays for one small query each time the node looks for changed credentials, and for nothing else.
 */
@Injectable()
export class DeliveryEngine implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveryEngine.name);
  private started: Promise<void> | undefined;
  private startAfter = 0;
  private looking: Promise<void> | undefined;
  private looks = 0;
  private newest = 0;
  private isStopped = false;

  constructor(
    private readonly endpoints: EndpointRepository,
    private readonly subscriptions: Subscriptions,
    private readonly watch: CredentialWatch,
    private readonly relay: DeliveryRelay,
  ) {}

  async onModuleInit(): Promise<void> {
    this.subscriptions.onRecorded(() => this.relay.wake());
    this.watch.onLook(() => void this.lookQuietly());
    await this.lookQuietly();
  }

  /** Before the database goes, and while what is appended is still recorded: the next start finds it. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    await this.looking;
    if (!this.started) return;
    await this.started.catch(() => undefined);
    await this.relay.stop();
  }

  /** Reads which accounts have endpoints now, e.g. because this process has just changed one. @throws as the database does */
  async look(): Promise<void> {
    const look = ++this.looks;
    const accounts = await this.endpoints.subscribed();
    if (look < this.newest) return; // a later look has been quicker, and knows more
    this.newest = look;
    this.subscriptions.replace(accounts);
    if (accounts.length > 0) this.start();
  }

  /** There is something to deliver, whatever endpoints are enabled. */
  wake(): void {
    this.start();
    this.relay.wake();
  }

  private async lookQuietly(): Promise<void> {
    if (this.isStopped || this.looking) return;
    this.looking = this.look()
      .catch((error: unknown) => this.logger.debug(`Could not look for webhooks: ${String(error)}`)) // the watch warns
      .finally(() => (this.looking = undefined));
    await this.looking;
  }

  /** In the background: neither the start of a node nor a request waits for the tables of the queue. */
  private start(): void {
    if (this.started || this.isStopped || Date.now() < this.startAfter) return;
    this.started = this.relay.start().catch((error: unknown) => {
      this.logger.error(`Webhooks cannot be delivered: ${String(error)}`);
      this.startAfter = Date.now() + START_PAUSE;
      this.started = undefined;
    });
  }
}
