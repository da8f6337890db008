/** What bounds a {@link HintQueue}. */
export interface QueueLimits {
  /** Most hints. */
  readonly hints: number;
  /** Most characters of them all together. */
  readonly characters: number;
}

/** A hint that waits; as a rule its text. */
interface Waiting {
  /** Characters. */
  readonly length: number;
}

/** Hints that wait to be sent. Bounded: beyond a limit the older half is dropped, as hints may be. */
export class HintQueue<One extends Waiting = string> {
  private hints: One[] = [];
  private characters = 0;

  constructor(private readonly limits: QueueLimits) {}

  get size(): number {
    return this.hints.length;
  }

  /** @returns how many hints were dropped to make room, as a rule none */
  push(hint: One): number {
    this.hints.push(hint);
    this.characters += hint.length;
    return this.shrink();
  }

  /** Takes the oldest hints, at most so many. */
  take(most: number): One[] {
    const taken = this.hints.splice(0, most);
    this.characters -= lengthOf(taken);
    return taken;
  }

  /** Puts hints that could not be sent back to where they were. */
  putBack(hints: readonly One[]): number {
    this.hints = [...hints, ...this.hints];
    this.characters += lengthOf(hints);
    return this.shrink();
  }

  private shrink(): number {
    let dropped = 0;
    while (this.hints.length > this.limits.hints || this.characters > this.limits.characters)
      dropped += this.take(Math.ceil(this.hints.length / 2)).length;
    return dropped;
  }
}

function lengthOf(hints: readonly Waiting[]): number {
  return hints.reduce((sum, { length }) => sum + length, 0);
}
