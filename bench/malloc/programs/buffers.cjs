/** Churn of Buffers of 16 KiB to 8 MiB, of which some live on; each is written in full. The argument: how many. */
const { restAndReport } = require('./rest.cjs');

const LEAST = 16 * 1024;
const DOUBLINGS = 9;
const HELD = 16;

let random = 1;
const next = () => {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  return random;
};

const held = [];
let sum = 0;
for (let n = 0; n < Number(process.argv[2]); n++) {
  // Sizes evenly spread over the powers of two, so that the bytes are in the large ones.
  const power = LEAST * 2 ** ((next() >>> 8) % DOUBLINGS);
  const buffer = Buffer.allocUnsafe(power + ((next() >>> 8) % power)).fill(n);
  held[next() % HELD] = buffer;
  sum += buffer.at(-1) + (held[n % HELD]?.length ?? 0);
}
console.log(sum);
restAndReport();
