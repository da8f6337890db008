import { integer, type Variable } from './variables.js';

/** What of agents and of streaming answers is configured. */
export const AGENT_VARIABLES = {
  CLAIM_LEASE_MS: integer(
    30_000,
    'How long an agent that does nothing for a session keeps its claim on it, in milliseconds.',
    { min: 100, max: 3_600_000 },
  ),
  STREAM_WINDOW_MS: integer(
    40,
    'How long pieces of a streaming answer are rolled up before its user is told, in milliseconds.',
    { min: 1, max: 1000 },
  ),
  STREAM_SAVE_MS: integer(250, 'How often the text so far of streaming answers is saved, in milliseconds.', {
    min: 10,
    max: 10_000,
  }),
  STREAM_TIMEOUT_MS: integer(
    30_000,
    'How long a streaming answer may stand still before it ends as `incomplete`, and the first line of `POST /v1/message/stream` may be waited for, in milliseconds.',
    { min: 100, max: 3_600_000 },
  ),
  STREAM_MAX_MS: integer(
    600_000,
    'How long a streaming answer may take in all before it ends as `incomplete`, in milliseconds.',
    { min: 1000, max: 86_400_000 },
  ),
  STREAM_STOP_GRACE_MS: integer(
    2000,
    'How long an answer that its user stopped may wait for the node that streams it, in milliseconds; then any node ends it.',
    { min: 100, max: 600_000 },
  ),
  MAX_STREAMS_PER_KEY: integer(
    1000,
    'Answers that one API key may stream at once on one node, and requests that it may have there which have not begun.',
    {
      min: 1,
      max: 1_000_000,
    },
  ),
} as const satisfies Record<string, Variable<unknown>>;
