/** Whether a platform user is there. */
export class PresenceView {
  /** @example "user123" */
  platform_user_id: string;
  /** Whether it has a connection to any node. @example true */
  online: boolean;
  /** Its sockets and event streams, on all nodes. @example 2 */
  connections: number;
}
