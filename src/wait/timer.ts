/** The longest that Node's timers wait, 24 days; what is longer they take for 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** Pure: what to give a timer for a length of time that was computed: a whole number of ms that it can wait. */
export const timerMs = (ms: number): number => Math.min(Math.ceil(ms), LONGEST_MS);
