/** Most messages or sessions in one answer. */
export const MAX_PAGE = 200;
/** As many as there are in an answer when nothing is asked. */
export const DEFAULT_PAGE = 50;
