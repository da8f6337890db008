/** What was done to a cluster, and when: printed with the seed when a run fails. */
export class History {
  private readonly began = Date.now();
  private readonly lines: string[] = [];

  constructor(readonly seed: number) {}

  note(what: string): void {
    this.lines.push(`${((Date.now() - this.began) / 1000).toFixed(2).padStart(8)} s  ${what}`);
  }

  /** How many lines say this. */
  count(what: string): number {
    return this.lines.filter((line) => line.includes(what)).length;
  }

  toString(): string {
    return [`Seed ${this.seed}`, ...this.lines].join('\n');
  }
}
