/** What is delivered; `webhook.test` by request only. */
export const EVENTS = ['message.received'] as const;
export type WebhookEvent = (typeof EVENTS)[number];
export const TEST_EVENT = 'webhook.test';

/** Which messages an endpoint hears of; null: any. */
export interface Filter {
  /** Sessions that are routed to this agent. */
  agentId: string | null;
  /** How the `agent_session_id` begins. */
  agentSessionPrefix: string | null;
  /** How the `platform_user_id` begins. */
  platformUserPrefix: string | null;
}

/** An address of an account to which its events are delivered. */
export interface Endpoint extends Filter {
  id: string;
  accountId: number;
  url: string;
  description: string;
  events: WebhookEvent[];
  enabled: boolean;
  /** Why Parley has disabled it; null when it has not. */
  disabledReason: string | null;
  /** Attempts that failed since the last one that did not. */
  failures: number;
  /** The breaker is open until then; null: closed. */
  breakerUntil: Date | null;
  previousSecretUntil: Date | null;
  createdAt: Date;
}

export interface NewEndpoint extends Filter {
  id: string;
  accountId: number;
  url: string;
  description: string;
  events: readonly WebhookEvent[];
  enabled: boolean;
  secret: string;
}

/** What of an endpoint may be changed. */
export type EndpointChange = Partial<
  Pick<Endpoint, 'url' | 'description' | 'events' | 'enabled' | keyof Filter>
>;
