/** Lets so much be done at once, and the rest in the order of asking. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private taken = 0;

  /** @param limit how much at once */
  constructor(private readonly limit: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken < this.limit) this.taken++;
    else await new Promise<void>((begin) => this.waiting.push(begin)); // whoever ends hands its turn on
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.taken--;
    }
  }
}
