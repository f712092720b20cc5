import { millis, type Clock } from "./clock.ts";

interface Timer {
  readonly period: bigint;
  due: bigint;
}

/** The tick timers of one VM, one a root context, by the monotonic clock. */
export class Timers {
  readonly #clock: Clock;
  readonly #timers = new Map<number, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Period 0 stops the timer; any call starts the period anew. */
  set(rootId: number, periodMillis: number): void {
    if (periodMillis === 0) {
      this.#timers.delete(rootId);
      return;
    }
    const period = millis(periodMillis);
    this.#timers.set(rootId, { period, due: this.#clock.monotonicNanos + period });
  }

  stop(rootId: number): void {
    this.#timers.delete(rootId);
  }

  /** When the next timer is due, or undefined without one. */
  next(): bigint | undefined {
    let next: bigint | undefined;
    for (const { due } of this.#timers.values()) if (next === undefined || due < next) next = due;
    return next;
  }

  /** Fires what is due now. Armed again once the handler has returned: a late tick is not made up for. */
  fire(tick: (rootId: number) => void): void {
    for (const [rootId, timer] of this.#timers) {
      if (timer.due > this.#clock.monotonicNanos) continue;
      tick(rootId);
      // The handler may have set or stopped its own timer.
      if (this.#timers.get(rootId) === timer) timer.due = this.#clock.monotonicNanos + timer.period;
    }
  }
}
