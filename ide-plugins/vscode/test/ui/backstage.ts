import { createInterface } from "node:readline";

/** What a walk tells the scenario that runs it, a line of JSON each. */
export type Line = { step: string; seconds: number } | { id: number; ask: string; args: readonly string[] };

/** What the scenario answers. */
interface Answer {
  id: number;
  answer: string;
  error?: string;
}

/** The scenario that runs a walk: it does to the cluster what no one can do at VS Code, and hears of each step. */
export class Backstage {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;

  constructor() {
    const lines = createInterface({ input: process.stdin });
    lines.on("line", (line) => {
      const answer = JSON.parse(line) as Answer;
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
  }

  tell(step: string, seconds: number): void {
    say({ step, seconds });
  }

  /** Has the scenario do something by its name, and returns what came of it. */
  async ask(name: string, ...args: string[]): Promise<string> {
    const id = ++this.last;
    const answered = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    say({ id, ask: name, args });
    const { answer, error } = await answered;
    if (error) {
      throw new Error(`${name} ${args.join(" ")}: ${error}`);
    }
    return answer;
  }

  close(): void {
    process.stdin.destroy();
  }
}

function say(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
