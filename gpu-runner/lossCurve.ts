/** How a training's loss fell, in few points whatever its length: every so many steps, twice as many once there are too many. */

const mostPoints = 120;

export type LossPoint = [step: number, loss: number];

export class LossCurve {
  #every = 1;
  #points: LossPoint[] = [];

  /** @param loss the moving average over the last steps */
  add(step: number, loss: number): void {
    if (step % this.#every !== 0) return;
    this.#points.push([step, loss]);
    if (this.#points.length <= mostPoints) return;
    this.#every *= 2;
    this.#points = this.#points.filter(([at]) => at % this.#every === 0);
  }

  /** With the last step as it is now. */
  points(step: number, loss: number): LossPoint[] {
    return this.#points.at(-1)?.[0] === step ? [...this.#points] : [...this.#points, [step, loss]];
  }

  /** Goes on where `saved` was. */
  restore({ every, points }: SavedCurve): void {
    this.#every = every;
    this.#points = [...points];
  }

  saved(): SavedCurve {
    return { every: this.#every, points: this.#points };
  }

  /** Steps count for so many from here on. */
  splitSteps(into: number): void {
    this.#every *= into;
    this.#points = this.#points.map(([step, loss]) => [step * into, loss]);
  }
}

export interface SavedCurve {
  every: number;
  points: LossPoint[];
}
