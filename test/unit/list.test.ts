/** The linked list against an array. */
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Linked, List } from '../../lib/backend/ts/list';
import { Random } from '../parity/random';

class Element implements Linked<Element> {
  prev: Element | null = null;
  next: Element | null = null;
}

const seed = randomInt(2 ** 31);
test(`a list behaves as an array (seed ${seed})`, () => {
  const random = new Random(seed);
  const list = new List<Element>();
  const model: Element[] = [];
  for (let step = 0; step < 2000; step++) {
    const element = new Element();
    if (model.length > 0 && random.percent(50)) {
      const [gone] = model.splice(random.below(model.length), 1);
      list.remove(gone);
      expect([gone.prev, gone.next]).toEqual([null, null]);
    } else {
      list.pushFront(element);
      model.unshift(element);
    }
    list.check();
    expect(list.tail).toBe(model.at(-1) ?? null);
    const listed = [...list];
    expect(listed.length).toBe(model.length);
    expect(listed.every((one, at) => one === model[at])).toBe(true);
    expect(list.head).toBe(model[0] ?? null);
  }
});
