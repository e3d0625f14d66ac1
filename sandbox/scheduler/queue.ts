import type { Clock } from '../../src/wait/clock.ts';
import { onAbort } from '../../src/wait/abort.ts';

interface Waiting {
  attempts: number;
  /**
   * `active`: next in line; `parked`: refused, waiting for something to change; `resting`: will be active at a known
   * time.
   */
  state: 'active' | 'taken' | 'parked' | 'resting';
  /** End of the rest after the last refusal, in ms of the clock. */
  restUntil: number;
  /** True when something changed while the pod was being scheduled: it is not parked then. */
  changed: boolean;
}

const INITIAL_REST_MS = 1000;
const LONGEST_REST_MS = 10_000;

/**
 * Queue of pods as in kube-scheduler: they are taken one at a time in the order of arrival. A refused one is parked
 * until a change might help it, and rests 1 s, then twice as long each time up to 10 s (podInitialBackoffSeconds,
 * podMaxBackoffSeconds).
 *
 *     add ─▶ active ─take─▶ taken ─refuse─▶ parked ─change─▶ resting ─▶ active
 *                             └─ forget (scheduled or deleted)
 */
export class SchedulingQueue {
  readonly #pods = new Map<string, Waiting>();
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #active: string[] = [];
  #wake: (() => void) | undefined;

  /** Signal that ends all rests. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    onAbort(signal, () => this.#wake?.());
  }

  /** Adds a pod that needs a node; a pod already in the queue keeps its position. */
  add(key: string): void {
    if (this.#pods.has(key)) return;
    const pod: Waiting = { attempts: 0, state: 'taken', restUntil: 0, changed: false };
    this.#pods.set(key, pod);
    this.#activate(key, pod);
  }

  /** Forgets a pod that is scheduled or deleted. */
  forget(key: string): void {
    this.#pods.delete(key);
    this.#active = this.#active.filter((other) => other !== key);
  }

  /** Waits for the next pod in line. */
  async take(): Promise<string> {
    for (;;) {
      this.#signal.throwIfAborted();
      const key = this.#active.shift();
      const pod = key === undefined ? undefined : this.#pods.get(key);
      if (key !== undefined && pod) {
        Object.assign(pod, { state: 'taken', changed: false, attempts: pod.attempts + 1 });
        return key;
      }
      await this.#nextArrival();
    }
  }

  /**
   * Puts back a pod that no node took. With `retry`, as after an error, it returns after its rest without waiting for a
   * change.
   */
  refuse(key: string, { retry }: { readonly retry: boolean }): void {
    const pod = this.#pods.get(key);
    if (!pod) return;
    pod.restUntil = this.#clock.now() + Math.min(LONGEST_REST_MS, INITIAL_REST_MS * 2 ** (pod.attempts - 1));
    pod.state = 'parked';
    if (retry || pod.changed) this.#rest(key, pod);
  }

  /** Wakes refused pods: something changed that may help them. */
  change(): void {
    for (const [key, pod] of this.#pods) {
      if (pod.state === 'parked') this.#rest(key, pod);
      else if (pod.state === 'taken') pod.changed = true;
    }
  }

  #rest(key: string, pod: Waiting): void {
    pod.state = 'resting';
    const ms = pod.restUntil - this.#clock.now();
    if (ms <= 0) return this.#activate(key, pod);
    void this.#activateAfter(ms, key, pod);
  }

  async #activateAfter(ms: number, key: string, pod: Waiting): Promise<void> {
    try {
      await this.#clock.sleep(ms, this.#signal);
    } catch {
      return; // the queue has ended
    }
    if (this.#pods.get(key) === pod && pod.state === 'resting') this.#activate(key, pod);
  }

  #activate(key: string, pod: Waiting): void {
    pod.state = 'active';
    this.#active.push(key);
    this.#wake?.();
  }

  #nextArrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
