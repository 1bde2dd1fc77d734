/**
 * Records the traces that the bench replays: real libraries on the loopback, for some seconds.
 *
 *     node bench/traces/record.mjs [chat] [files]
 *
 * The people and their requests are made up, from a fixed seed; what the libraries make of them is not: in which pieces bytes
 * come, how many are under way at a time, and in which order they end.
 */
import { writeFileSync } from 'node:fs';
import { encodeTrace, prepareTrace, TRACES, traceFile } from './format.mjs';
import { recordChat } from './record-chat.mjs';
import { recordFiles } from './record-files.mjs';

const RECORDINGS = { chat: recordChat, files: recordFiles };
const ALLOCATIONS = 30_000;

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in RECORDINGS));
if (unknown !== undefined) {
  process.stderr.write(`record: there is no trace '${unknown}'; there are ${Object.keys(RECORDINGS).join(', ')}\n`);
  process.exit(2);
}

for (const { name, title, about } of TRACES.filter((trace) => wanted.length === 0 || wanted.includes(trace.name))) {
  const { events, libraries } = await RECORDINGS[name](ALLOCATIONS);
  const header = { name, title, about, recorded: new Date().toISOString(), node: process.version, libraries };
  const file = encodeTrace(header, events);
  writeFileSync(traceFile(name), file);
  const { maxSize, maxLive, maxLiveBytes } = prepareTrace(events);
  const count = events.length / 2;
  process.stdout.write(
    `${name}: ${count} allocations in ${file.length} bytes; at most ${maxSize} bytes each, ${maxLive} and ${maxLiveBytes} bytes live\n`,
  );
}
process.exit();
