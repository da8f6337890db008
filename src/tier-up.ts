import { setFlagsFromString } from 'node:v8';

/**
 * V8 compiles a function for speed after it has run for a while: by default so late that a node with 200 messages a
 * second serves its first minutes from the interpreter, at twice the latency. A seventh of that budget makes the hot path
 * hot after some hundred messages (decision 12). Imported before everything else.
 */
setFlagsFromString('--interrupt-budget=20000');
