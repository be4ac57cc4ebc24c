import { expect, it } from 'vitest';
import { giveBackFrameMemory, takeFrameMemory } from '../../../src/http2/frame-memory.ts';

it('shows its bytes as they are now, in the part that is asked for, although views are kept', () => {
  const memory = takeFrameMemory();
  for (const text of ['first frames', 'other frames']) {
    memory.buffer.write(text, 'latin1');
    for (const end of [5, 12, 1024, 1025]) {
      expect(memory.view(0, end).length).toBe(end);
      expect(memory.view(0, end).equals(memory.buffer.subarray(0, end))).toBe(true);
    }
    expect(memory.view(6, 12).toString('latin1')).toBe('frames');
  }
  expect(memory.view(0, 12)).toBe(memory.view(0, 12));
});

it('is given again once it was given back, and never to two at once', () => {
  const [one, two] = [takeFrameMemory(), takeFrameMemory()];
  expect(one).not.toBe(two);
  giveBackFrameMemory(two);
  expect(takeFrameMemory()).toBe(two);
});
