/** What bounds a {@link HintQueue}. */
export interface QueueLimits {
  /** Most hints. */
  readonly hints: number;
  /** Most characters of them all together. */
  readonly characters: number;
}

/** Hints that wait to be sent. Bounded: beyond a limit the older half is dropped, as hints may be. */
export class HintQueue {
  private texts: string[] = [];
  private characters = 0;

  constructor(private readonly limits: QueueLimits) {}

  get size(): number {
    return this.texts.length;
  }

  /** @returns how many hints were dropped to make room, as a rule none */
  push(text: string): number {
    this.texts.push(text);
    this.characters += text.length;
    return this.shrink();
  }

  /** Takes the oldest hints, at most so many. */
  take(most: number): string[] {
    const taken = this.texts.splice(0, most);
    this.characters -= lengthOf(taken);
    return taken;
  }

  /** Puts hints that could not be sent back to where they were. */
  putBack(texts: readonly string[]): number {
    this.texts = [...texts, ...this.texts];
    this.characters += lengthOf(texts);
    return this.shrink();
  }

  private shrink(): number {
    let dropped = 0;
    while (this.texts.length > this.limits.hints || this.characters > this.limits.characters)
      dropped += this.take(Math.ceil(this.texts.length / 2)).length;
    return dropped;
  }
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
