/**
 * What the servers of the bench have in common: they print where they listen, and tell the process that started them, if it asks by
 * messages, what serving has cost them.
 *
 *     'start'  ->                 counts from here on
 *     'stop'   ->  { ... }        collections, processor time and resident memory since
 */
import { countCollections } from '../measure/collections.mjs';
import { peakResidentBytes, resetPeak, restingBytes } from '../measure/memory.mjs';

/** @param server of `node:net` or `node:http`. @param live returns how many Buffers are out at the moment. */
export function listen(server, { port = 0, live = () => 0 } = {}) {
  server.listen(port, '127.0.0.1', () => {
    const { port: taken } = server.address();
    process.stdout.write(`listening on http://127.0.0.1:${taken}\n`);
    process.send?.({ port: taken });
  });
  if (process.send) {
    process.on('message', commands(live));
    process.once('disconnect', () => process.exit());
  }
}

function commands(live) {
  let collections = null;
  let before = null;
  return async (command) => {
    if (command === 'start') {
      resetPeak();
      before = process.cpuUsage();
      collections = countCollections();
      process.send({ started: true });
      return;
    }
    const { user, system } = process.cpuUsage(before);
    const peakBytes = peakResidentBytes();
    const collected = await collections.stop();
    const { residentIdleBytes, residentCollectedBytes } = await restingBytes();
    process.send({
      cpuMs: (user + system) / 1000,
      collections: collected,
      peakResidentBytes: peakBytes,
      residentIdleBytes,
      residentCollectedBytes,
      liveBuffers: live(),
    });
  };
}
