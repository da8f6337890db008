/**
 * Bytes of payload and metadata that one page brings: beyond them it is short. The first row always comes, so no page is
 * empty before the end.
 */
export const PAGE_BYTES = 2_097_152;

/** The same for pages by offset, whose callers count on whole ones. */
export const OFFSET_PAGE_BYTES = 33_554_432;
