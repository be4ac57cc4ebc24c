// Holds the suite itself to what it promises: a test for each rule, with its number in the name.

import type { RunnerTask } from 'vitest';
import { expect, it } from 'vitest';

/** The rules of CRI for a proxy, by number. */
const RULES = Array.from({ length: 20 }, (_, index) => `R${index + 1}`);

/** Defines the test in the current file; all tests of the file count that are not left out. */
export function defineRuleCoverage(): void {
  it('has a test for each of the rules R1 to R20', ({ task }) => {
    const names = namesIn(task.file.tasks);
    const tested = new Set(names.flatMap((name) => name.match(/\bR\d+\b/g) ?? []));
    expect(RULES.filter((rule) => !tested.has(rule))).toEqual([]);
  });
}

function namesIn(tasks: readonly RunnerTask[]): string[] {
  return tasks.flatMap((task) => {
    if (task.type === 'suite') return namesIn(task.tasks);
    return task.mode === 'run' && !task.name.includes('R1 to R20') ? [task.name] : [];
  });
}
