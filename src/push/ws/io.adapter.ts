import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { Server, ServerOptions } from 'socket.io';
import type { Config } from '../../config/config.js';

/** Socket.IO with the options that many idle connections need. */
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
      serveClient: false,
      perMessageDeflate: false, // 14 times the memory, 8 times the CPU of a connect
      maxHttpBufferSize,
      ...(origins.length > 0 && { cors: { origin: origins.includes('*') ? '*' : [...origins] } }),
    } as ServerOptions);
  }
}
