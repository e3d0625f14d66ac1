import { fuzzWire } from '../src/extender/fast/compare-wires-fixture.ts';

/**
 * `node bench/fuzz-wire.ts [bodies] [seed]`: mutated bodies by both readers of the extender's wire; ends with 1 when
 * any answer differs.
 */

const BATCH = 10_000;
const [count = 100_000, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number);

let done = 0;
let taken = 0;
for (let batch = 0; done < count; batch++) {
  const bodies = Math.min(BATCH, count - done);
  const result = fuzzWire(bodies, seed + batch);
  const [first] = result.different;
  if (first) {
    process.stdout.write(`seed ${seed + batch}: ${JSON.stringify(first.body.toString('latin1'))}\n`);
    process.stdout.write(`fast path:    ${first.fast}\ngeneral path: ${first.general}\n`);
    process.exit(1);
  }
  done += bodies;
  taken += result.taken;
}
process.stdout.write(
  `${done} mutated bodies (seed ${seed}), ${taken} of them still read by the fast path: all answers equal\n`,
);
