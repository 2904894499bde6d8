/** Changes that come together are drawn together. */
const batch = 50;
/**
 * The shortest time between two drawings. VS Code waits for 200 ms without another before it draws a second time, and
 * where they come faster for good, it never does.
 */
const gap = 300;

/** Draws soon after it is asked to, and not too often. */
export class Pace {
  private timer: NodeJS.Timeout | undefined;
  private drawn = 0;

  constructor(private readonly draw: () => void) {}

  ask(): void {
    this.timer ??= setTimeout(
      () => {
        this.timer = undefined;
        this.drawn = Date.now();
        this.draw();
      },
      Math.max(batch, this.drawn + gap - Date.now()),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}
