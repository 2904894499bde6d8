/** Runs things later: the real clock, or that of a test. */
export interface Clock {
  now(): number;
  /** Runs `what` after some milliseconds; the result is called to leave it out. */
  after(milliseconds: number, what: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, what) => {
    const timer = setTimeout(what, milliseconds);
    return () => clearTimeout(timer);
  },
};

const pauses = [250, 500, 1_000, 2_000, 5_000];
/** A program that ran as long as this is not in a loop. */
const steady = 60_000;

/** The pauses before something is started again: each is longer than the one before, and after some there is none. */
export class Pauses {
  private ends = 0;

  /** How long to wait after an end, or undefined: it ends again and again. */
  next(ranFor: number): number | undefined {
    this.ends = ranFor >= steady ? 1 : this.ends + 1;
    return pauses[this.ends - 1];
  }

  reset(): void {
    this.ends = 0;
  }
}
