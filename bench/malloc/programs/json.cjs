/** Many small objects through JSON and Maps, as servers do. The argument: how often. */
const { createHash } = require('node:crypto');

const ROWS = 20_000;

function rows(turn) {
  return Array.from({ length: ROWS }, (_, n) => ({
    id: n,
    name: `row ${n} of ${turn}`,
    tags: Array.from({ length: n % 8 }, (_, tag) => `tag-${(n * tag) % 97}`),
    nested: { left: n * 0.5, right: String(n * 7919) },
  }));
}

const hash = createHash('sha256');
for (let turn = 0; turn < Number(process.argv[2]); turn++) {
  const text = JSON.stringify(rows(turn));
  const byTag = Map.groupBy ? Map.groupBy(JSON.parse(text), ({ tags }) => tags[0]) : new Map([['', JSON.parse(text)]]);
  hash.update(text).update(String([...byTag.values()].reduce((sum, { length }) => sum + length, 0)));
}
console.log(hash.digest('hex'));
