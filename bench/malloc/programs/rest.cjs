/**
 * The rest after the work: three seconds in which the program looks at a file now and then, as a server does at night. What it took before
 * that, from its start, and the memory that it has in the end go to standard error, a line of JSON.
 */
const { stat } = require('node:fs/promises');
const { setTimeout: wait } = require('node:timers/promises');

const LOOKS = 30;
const LOOK_MS = 100;

exports.restAndReport = async () => {
  const elapsedMs = performance.now();
  for (let look = 0; look < LOOKS; look++) {
    await wait(LOOK_MS);
    await stat(__filename);
  }
  console.error(JSON.stringify({ elapsedMs, idleBytes: process.memoryUsage.rss() }));
};
