/** `dead`: given up, kept, and may be replayed. */
export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One event on its way to one endpoint. */
export interface Delivery {
  /** Also the `webhook-id` of its requests. */
  id: string;
  endpointId: string;
  event: string;
  /** Where the message lies; null for an event that is not about one. */
  userId: number | null;
  seq: number | null;
  state: DeliveryState;
  attempts: number;
  createdAt: Date;
  nextAttemptAt: Date | null;
  finishedAt: Date | null;
  lastStatus: number | null;
  lastError: string | null;
}

/** How one attempt went. */
export interface AttemptLog {
  attempt: number;
  startedAt: Date;
  durationMs: number;
  /** HTTP status; null when there was no answer. */
  status: number | null;
  /** Why it failed; null when it did not. */
  error: string | null;
  /** The beginning of the answer's body. */
  response: string | null;
}

/** A delivery that is due, with all that its attempt needs. */
export interface DueDelivery {
  id: string;
  accountId: number;
  endpointId: string;
  event: string;
  userId: number | null;
  seq: number | null;
  platformUserId: string | null;
  attempts: number;
  /** Of these, those before it was replayed. */
  attemptsBefore: number;
  createdAt: Date;
  /** Milliseconds since it was recorded, or replayed. */
  age: number;
  url: string;
  enabled: boolean;
  secrets: string[];
  /** Milliseconds until the endpoint's breaker lets a probe through; 0 or less: now; null: it is closed. */
  breakerWait: number | null;
  /** When that is; null: it is closed. */
  breakerUntil: Date | null;
}
