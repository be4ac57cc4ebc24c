import { expect, test } from 'vitest';
import { problemsOf } from '../../support/config-problems.ts';

test.each<[title: string, text: string, problems: string[]]>([
  [
    'an empty file',
    ``,
    [
      `c.yaml:1:1: the file is empty. Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration`,
    ],
  ],
  [
    'nothing but comments',
    `# nothing yet

`,
    [
      `c.yaml:1:1: the file is empty. Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration`,
    ],
  ],
  [
    'an empty document',
    `---
`,
    [
      `c.yaml:1:1: the file is empty. Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration`,
    ],
  ],
  [
    'a tab as indentation',
    `kind: a
backends:
	- name: a
`,
    [`c.yaml:3:1: a tab cannot indent YAML. Indent with spaces`],
  ],
  [
    'a key given twice',
    `stateDir: /a
stateDir: /b
`,
    [`c.yaml:2:1: the key "stateDir" is given twice, first on line 1. Keep one of the two`],
  ],
  [
    'a bracket left open',
    `kind: a
backends: [
`,
    [`c.yaml:2:11: the [ that opens here is not closed. Add ] after its last entry`],
  ],
  [
    'a colon too many',
    `kind: a
stateDir: /a: b
`,
    [`c.yaml:2:11: a text with a colon and a space in it needs quotes. Write "/a: b"`],
  ],
  [
    'a second document',
    `kind: a
---
kind: Pod
`,
    [
      `c.yaml:3:1: the file holds a second document. Keep one document: remove what follows the line --- or ... before it, or that line alone`,
    ],
  ],
  [
    'a tag',
    `stateDir: !secret /a
`,
    [
      `c.yaml:1:11: "!secret" is a tag of YAML, which a config has no use for; it does not mean "not". Leave it out`,
    ],
  ],
  [
    'an alias without its anchor',
    `stateDir: *nowhere
`,
    [`c.yaml:1:11: "*nowhere" is not a text: * begins an alias of YAML. Put it in quotes: "*nowhere"`],
  ],
  [
    'aliases by the thousand',
    `a: &a [1]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
`,
    [`c.yaml:1:1: the file has more aliases than it can need. Write the parts out`],
  ],
  [
    'a text instead of a mapping',
    `hello
`,
    [
      `c.yaml:1:1: the file must be a mapping, not "hello". Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration`,
    ],
  ],
  [
    'a list instead of a mapping',
    `- a
`,
    [
      `c.yaml:1:1: the file must be a mapping, not a list. Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration`,
    ],
  ],
])('says where a text is no config: %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
