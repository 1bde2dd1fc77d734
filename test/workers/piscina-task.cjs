/* A task as a user of piscina writes it: takes a shared Buffer, works on it in place, and sends it back. */
const { createHash } = require('node:crypto');
const { workerData } = require('piscina');

const { adopt, free, share } = require(workerData.BUILT);

module.exports = ({ handle, spare }) => {
  free(adopt(spare));
  const buffer = adopt(handle);
  buffer.fill(42);
  const hash = createHash('sha256').update(buffer).digest('hex');
  return { handle: share(buffer), hash };
};
