import type { Clock } from '../../src/wait/clock.ts';
import { onAbort } from '../../src/wait/abort.ts';

interface Waiting {
  attempts: number;
  /** `active`: next in line; `parked`: refused, waiting for something to change; `resting`: will be active at a known time. */
  place: 'active' | 'taken' | 'parked' | 'resting';
  /** When the rest after the last refusal is over, in ms of the clock. */
  restUntil: number;
  /** Something changed while the pod was being scheduled: do not park it. */
  changed: boolean;
}

const INITIAL_REST_MS = 1000;
const LONGEST_REST_MS = 10_000;

/**
 * kube-scheduler's queue: pods are taken one at a time in the order they came. A refused one is parked until a change might help it,
 * and rests 1 s, then twice as long each time up to 10 s (podInitialBackoffSeconds, podMaxBackoffSeconds).
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

  /** Rests end with the signal. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    onAbort(signal, () => this.#wake?.());
  }

  /** A pod that wants a node; one that is known already keeps its place. */
  add(key: string): void {
    if (this.#pods.has(key)) return;
    const pod: Waiting = { attempts: 0, place: 'taken', restUntil: 0, changed: false };
    this.#pods.set(key, pod);
    this.#activate(key, pod);
  }

  /** The pod is placed or gone. */
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
        Object.assign(pod, { place: 'taken', changed: false, attempts: pod.attempts + 1 });
        return key;
      }
      await this.#nextArrival();
    }
  }

  /** No node took the pod. With `retry` it comes back after its rest without waiting for a change, as after an error. */
  refuse(key: string, { retry }: { readonly retry: boolean }): void {
    const pod = this.#pods.get(key);
    if (!pod) return;
    pod.restUntil = this.#clock.now() + Math.min(LONGEST_REST_MS, INITIAL_REST_MS * 2 ** (pod.attempts - 1));
    pod.place = 'parked';
    if (retry || pod.changed) this.#rest(key, pod);
  }

  /** Something happened that may let refused pods in. */
  change(): void {
    for (const [key, pod] of this.#pods) {
      if (pod.place === 'parked') this.#rest(key, pod);
      else if (pod.place === 'taken') pod.changed = true;
    }
  }

  #rest(key: string, pod: Waiting): void {
    pod.place = 'resting';
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
    if (this.#pods.get(key) === pod && pod.place === 'resting') this.#activate(key, pod);
  }

  #activate(key: string, pod: Waiting): void {
    pod.place = 'active';
    this.#active.push(key);
    this.#wake?.();
  }

  #nextArrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
