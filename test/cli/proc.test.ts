/** What /proc tells of a process. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasMapped } from '../../lib/cli/proc';

describe.runIf(process.platform === 'linux')('a process', () => {
  it('has mapped its program, and not what is a part of its path', () => {
    const program = fs.realpathSync(process.execPath);
    expect(hasMapped(process.pid, program)).toBe(true);
    for (const part of [program.slice(0, -1), program.slice(1), '/', '/usr/lib', 'r-xp']) {
      expect(hasMapped(process.pid, part), part).toBe(false);
    }
  });

  it('that is not there has mapped nothing', () => {
    expect(hasMapped(0, process.execPath)).toBe(false);
  });
});
