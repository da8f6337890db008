/** Longest life of a user token, in seconds (contract section 1). */
export const MAX_TOKEN_SECONDS = 24 * 3600;
/** Life of a user token when nothing is asked, in seconds. */
export const DEFAULT_TOKEN_SECONDS = 3600;
/** Shortest life of a user token, in seconds. */
export const MIN_TOKEN_SECONDS = 1;
