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
    [`c.yaml:2:1: this key is given twice. Keep one of the two`],
  ],
  [
    'a bracket left open',
    `kind: a
backends: [
`,
    [
      `c.yaml:3:1: not YAML: flow sequence in block collection must be sufficiently indented and end with a ]`,
    ],
  ],
  [
    'a colon too many',
    `kind: a
stateDir: /a: b
`,
    [`c.yaml:2:11: not YAML: nested mappings are not allowed in compact mappings`],
  ],
  [
    'a second document',
    `kind: a
---
kind: Pod
`,
    [`c.yaml:3:1: the file holds a second document. Keep one document: remove the line ---`],
  ],
  [
    'a tag',
    `stateDir: !secret /a
`,
    [`c.yaml:1:11: unresolved tag: !secret. Leave out the tag that begins with !`],
  ],
  [
    'an alias without its anchor',
    `stateDir: *nowhere
`,
    [`c.yaml:1:11: the alias *nowhere has no anchor before it. Put &nowhere before the part that is meant`],
  ],
  [
    'aliases by the thousand',
    `a: &a [1]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
`,
    [`c.yaml:1:1: the file has more aliases than a config needs. Write the parts out`],
  ],
  [
    'a text instead of a mapping',
    `hello
`,
    [`c.yaml:1:1: the file must be a mapping, not "hello"`],
  ],
  [
    'a list instead of a mapping',
    `- a
`,
    [`c.yaml:1:1: the file must be a mapping, not a list`],
  ],
])('says where a text is no config: %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
