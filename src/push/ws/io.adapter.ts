import type { INestApplicationContext, WsMessageHandler } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { lastValueFrom, type Observable } from 'rxjs';
import type { Server, ServerOptions, Socket } from 'socket.io';
import type { Config } from '../../config/config.js';
import { FanOutAdapter } from './fan-out.adapter.js';

type Acknowledge = (answer: unknown) => void;

/** Socket.IO as many idle connections need it. */
export class PushAdapter extends IoAdapter {
  constructor(
    app: INestApplicationContext,
    private readonly config: Config,
  ) {
    super(app);
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const { CORS_ORIGINS: origins, MAX_BODY_BYTES: maxHttpBufferSize } = this.config;
    return super.createIOServer(port, {
      ...options,
      adapter: FanOutAdapter as unknown as ServerOptions['adapter'],
      serveClient: false,
      perMessageDeflate: false, // 14 times the memory, 8 times the CPU of a connect
      maxHttpBufferSize,
      ...(origins.length > 0 && { cors: { origin: origins.includes('*') ? '*' : [...origins] } }),
    } as ServerOptions);
  }

  /**
   * One plain listener for each command. Nest's own adapter builds a chain of RxJS operators for each command of each
   * socket before anybody has said anything: 15 KiB for each connection.
   */
  override bindMessageHandlers(
    socket: Socket,
    handlers: readonly WsMessageHandler<string>[],
    transform: (data: unknown) => Observable<unknown>,
  ): void {
    for (const { message, callback } of handlers)
      socket.on(message, (...args: unknown[]) => {
        const { data, ack } = this.mapPayload(args.length > 1 ? args : args[0]) as {
          data: unknown;
          ack?: Acknowledge;
        };
        void this.answer(() => transform(callback(data, ack)), ack);
      });
  }

  /** The filter of errors has answered what failed (see `CommandGateway`): then there is nothing to acknowledge. */
  private async answer(handle: () => Observable<unknown>, ack: Acknowledge | undefined): Promise<void> {
    try {
      const answer = await lastValueFrom(handle(), { defaultValue: undefined });
      if (answer !== undefined && answer !== null) ack?.(answer);
    } catch (error) {
      this.logger.error(error);
    }
  }
}
