/* A task as a user of piscina writes it: takes a shared Buffer, works on it in place, and sends it back. */
const { createHash } = require('node:crypto');
const { workerData } = require('piscina');

const pool = require(workerData.BUILT).createPool({ shared: true });

module.exports = ({ handle, spare }) => {
  pool.free(pool.adopt(spare));
  const buffer = pool.adopt(handle);
  buffer.fill(42);
  const hash = createHash('sha256').update(buffer).digest('hex');
  return { handle: pool.share(buffer), hash };
};
