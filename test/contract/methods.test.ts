import { readFileSync } from 'node:fs';
import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { hangPatienceMs, type ListMethod, METHODS, type Method, methodNamed } from '../../src/cri/methods.ts';
import { CRI_RPCS, typeAt } from '../support/cri-descriptors.ts';

const placed = METHODS.filter((row) => row.kind === 'place');
const owned = METHODS.filter((row) => row.kind === 'owned');
const lists = METHODS.filter((row) => row.kind === 'list');
const streamLists = METHODS.filter((row) => row.kind === 'stream-list');

describe('the method table', () => {
  it('has one row for each RPC of the schema, in its order and under its service', () => {
    expect(METHODS.map(({ service, name }) => `${service}/${name}`)).toEqual(
      CRI_RPCS.map((rpc) => `${rpc.parent.name}/${rpc.name}`),
    );
  });

  it('agrees with the schema on which RPCs stream', () => {
    expect(namesOf(METHODS.filter((row) => row.isServerStream))).toEqual(
      CRI_RPCS.filter((rpc) => rpc.methodKind === 'server_streaming').map((rpc) => rpc.name),
    );
  });

  it('agrees with the facts of CRI on the release that has an RPC first', () => {
    const lines = readFileSync(new URL('./cri-v1-facts.tsv', import.meta.url), 'utf8').split('\n');
    const facts = lines.filter((line) => line.startsWith('rpc\t')).map((line) => line.split('\t'));
    expect(METHODS.map(({ name, since }) => [name, since ?? ''])).toEqual(
      facts.map((fact) => [fact[3], fact[6]]),
    );
  });

  it('finds a row by its name, and throws on a name that has none', () => {
    expect(methodNamed('ListContainers').kind).toBe('list');
    expect(() => methodNamed('MakeCoffee')).toThrow('MakeCoffee');
  });

  it('sends again only what may arrive twice', () => {
    const reads = /^(List|Stream)|Status$|Stats$|^Version$|^RuntimeConfig$|^ImageFsInfo$/;
    const repeatable = ['StopPodSandbox', 'RemovePodSandbox', 'RemoveContainer', 'RemoveImage'];
    for (const { name, retry } of METHODS) {
      expect(`${name} ${retry}`).toBe(
        `${name} ${reads.test(name) || repeatable.includes(name) ? 'once' : 'never'}`,
      );
    }
  });

  it('logs each call that changes something', () => {
    expect(namesOf(METHODS.filter((row) => row.changesState))).toEqual([
      'RunPodSandbox',
      'StopPodSandbox',
      'RemovePodSandbox',
      'CreateContainer',
      'StartContainer',
      'StopContainer',
      'RemoveContainer',
      'UpdateContainerResources',
      'UpdateRuntimeConfig',
      'CheckpointContainer',
      'CheckpointPod',
      'RestorePod',
      'UpdatePodSandboxResources',
      'PullImage',
      'RemoveImage',
    ]);
  });

  it('gives up on a backend that hangs: at once what changes nothing, a pull after 30 s, and nothing else', () => {
    const pull = { PullImage: 30_000 } as Record<string, number>;
    for (const { name, changesState } of METHODS)
      expect([name, hangPatienceMs(name)]).toEqual([name, changesState ? (pull[name] ?? Infinity) : 0]);
    expect(hangPatienceMs('ExecSync')).toBe(0);
    expect(hangPatienceMs('MakeCoffee')).toBe(Infinity);
  });
});

describe('rows that place a pod sandbox', () => {
  it.each(placed)('$name reads config and runtime handler where the schema has them', (row) => {
    const { input } = rpcOf(row);
    expect(typeAt(input, row.configPath).name).toBe('PodSandboxConfig');
    expect(typeAt(input, row.handlerPath).name).toBe('string');
    expect(nameAt(input, row.handlerPath)).toBe('runtime_handler');
  });

  it.each(placed)('$name finds the new ids where the schema has them', (row) => {
    const { output } = rpcOf(row);
    expect(nameAt(output, row.sandboxIdPath)).toBe('pod_sandbox_id');
    expect(typeAt(output, row.sandboxIdPath).name).toBe('string');
    if (row.containerIdsPath === undefined) return;
    expect(nameAt(output, row.containerIdsPath)).toBe('container_id');
    expect(typeAt(output, row.containerIdsPath).name).toBe('string');
  });

  it('are all whose request has a pod config and a runtime handler', () => {
    const names = CRI_RPCS.filter(({ input }) =>
      ['config', 'runtime_handler'].every((name) => input.fields.some((field) => field.name === name)),
    ).map((rpc) => rpc.name);
    expect(namesOf(placed)).toEqual(names);
  });
});

describe('rows that have an owner', () => {
  it.each(owned)('$name reads its id from a string field named for the object', (row) => {
    const { input } = rpcOf(row);
    expect(typeAt(input, row.idPath)).toMatchObject({ name: 'string', isRepeated: false });
    expect(nameAt(input, row.idPath)).toBe(row.object === 'sandbox' ? 'pod_sandbox_id' : 'container_id');
  });

  it('are all whose request names one pod sandbox or container', () => {
    const names = CRI_RPCS.filter(({ input }) =>
      input.fields.some((field) => ['pod_sandbox_id', 'container_id'].includes(field.name)),
    ).map((rpc) => rpc.name);
    expect(namesOf(owned)).toEqual(names);
  });

  it('learn the id of a new container wherever the schema returns one', () => {
    const expected = owned.filter((row) =>
      rpcOf(row).output.fields.some((field) => field.name === 'container_id'),
    );
    const rows = owned.filter((row) => row.newContainerIdPath !== undefined);
    expect(namesOf(rows)).toEqual(namesOf(expected));
    for (const row of rows)
      expect(nameAt(rpcOf(row).output, row.newContainerIdPath ?? [])).toBe('container_id');
  });

  it('find the URL of a stream wherever the schema returns one', () => {
    const expected = CRI_RPCS.filter(({ output }) => output.fields.some((field) => field.name === 'url'));
    const rows = owned.filter((row) => row.stream !== undefined);
    expect(namesOf(rows)).toEqual(expected.map((rpc) => rpc.name));
    for (const row of rows) {
      const { output } = rpcOf(row);
      expect(nameAt(output, row.stream?.urlPath ?? [])).toBe('url');
      expect(typeAt(output, row.stream?.urlPath ?? [])).toMatchObject({ name: 'string', isRepeated: false });
      expect(row.stream?.kind).toBe(row.name.toLowerCase());
      // A URL is good once: no second call, no snapshot.
      expect(row).toMatchObject({ retry: 'never', changesState: false });
    }
  });

  it('call the absence of an object success only where it is stopped or removed', () => {
    const silent = owned.filter((row) => row.whenAbsent === 'ok');
    expect(namesOf(silent)).toEqual(namesOf(owned.filter((row) => /^(Stop|Remove)/.test(row.name))));
  });

  it('have each effect once', () => {
    const effects = owned.flatMap((row) => row.effect ?? []);
    expect(effects).toHaveLength(6);
    expect(new Set(effects).size).toBe(6);
  });
});

describe('rows that tell of containers and checkpoints', () => {
  it('look at the mount points of containers wherever the schema returns their statistics', () => {
    const rows = [...owned, ...lists].filter((row) => row.containerStatsPath !== undefined);
    const expected = [...owned, ...lists].filter((row) => holds(rpcOf(row).output, 'writable_layer'));
    expect(namesOf(rows)).toEqual(namesOf(expected));
    for (const row of rows)
      expect(typeAt(rpcOf(row).output, row.containerStatsPath ?? []).message?.name).toBe('ContainerStats');
  });

  it('know where a checkpoint of a pod is written, and where it is read', () => {
    for (const row of [...owned, ...placed]) {
      const { input } = rpcOf(row);
      const names = ['output_path', 'checkpoint_path'].filter((name) =>
        input.fields.some((field) => field.name === name),
      );
      expect(row.checkpointPath === undefined ? [] : [nameAt(input, row.checkpointPath)]).toEqual(names);
    }
  });

  it('set the mode of the kubelet together', () => {
    const rows = [...owned, ...lists].filter((row) => row.setsMode);
    expect(namesOf(rows)).toEqual(['PodSandboxStats', 'ListPodSandboxStats']);
  });
});

describe('rows that list', () => {
  it.each(lists)('$name can be joined: its reply has nothing but records in field 1', (row) => {
    const { output } = rpcOf(row);
    expect(output.fields.map((field) => field.number)).toEqual([row.recordField]);
    expect(typeAt(output, [row.recordField])).toMatchObject({ isRepeated: true, message: expect.anything() });
  });

  it.each(lists)('$name finds id, state and labels where its records have them', (row) => {
    const record = recordOf(row);
    expect(typeAt(record, row.recordIdPath)).toMatchObject({ name: 'string', isRepeated: false });
    expect(['id', 'pod_sandbox_id']).toContain(nameAt(record, row.recordIdPath));
    expectFields(record, row.record ?? {});
  });

  it.each(lists)('$name finds its filter where the request has it', (row) => {
    expectFields(rpcOf(row).input, row.filter);
  });

  it.each(lists)('$name knows every condition its filter can have', (row) => {
    const filter = rpcOf(row).input.fields.find((field) => field.number === 1)?.message;
    const known = Object.values(row.filter).map((path) => path[1]);
    expect(filter?.fields.map((field) => field.number).sort() ?? []).toEqual(known.sort());
  });

  it('teach the ledger where the records are pod sandboxes or containers', () => {
    expect(namesOf(lists.filter((row) => row.learns))).toEqual(['ListPodSandbox', 'ListContainers']);
    for (const row of lists.filter((each) => each.learns)) expect(row.record?.labels).toBeDefined();
  });

  it('put label values in order where the records hold them by position', () => {
    const positional = lists.filter((row) => holds(recordOf(row), 'label_values'));
    expect(namesOf(lists.filter((row) => row.relabels))).toEqual(namesOf(positional));
  });

  it('may lack a backend only where they carry measurements', () => {
    const partial = lists.filter((row) => row.whenBackendAbsent === 'partial');
    expect(namesOf(partial)).toEqual(namesOf(lists.filter((row) => /Stats$|Metrics$/.test(row.name))));
  });
});

describe('rows that list in parts', () => {
  it.each(streamLists)('$name has the request and the records of $unary', (row) => {
    const unary = methodNamed(row.unary);
    expect(unary.kind).toBe('list');
    expect(unary.service).toBe(row.service);
    const [own, other] = [rpcOf(row), rpcOf(unary)];
    expect(own.output.fields.map((field) => field.number)).toEqual([1]);
    expect(typeAt(own.output, [1])).toEqual(typeAt(other.output, [1]));
    expect(own.input.fields.map((field) => `${field.number} ${field.name} ${field.message?.name}`)).toEqual(
      other.input.fields.map((field) => `${field.number} ${field.name} ${field.message?.name}`),
    );
  });

  it('have one for each list', () => {
    expect(streamLists.map((row) => row.unary).sort()).toEqual(namesOf(lists).sort());
  });
});

/** Checks what the keys of a filter or a record promise: ids are strings, labels maps, states enums. */
function expectFields(
  message: DescMessage,
  paths: ListMethod['filter'] & NonNullable<ListMethod['record']>,
): void {
  const { id, sandboxId, uid, image, state, labels } = paths;
  for (const path of [id, sandboxId, uid, image]) {
    if (path !== undefined)
      expect(typeAt(message, path)).toMatchObject({ name: 'string', isRepeated: false });
  }
  if (id !== undefined) expect(nameAt(message, id)).toBe('id');
  if (sandboxId !== undefined) expect(nameAt(message, sandboxId)).toBe('pod_sandbox_id');
  if (uid !== undefined) expect(nameAt(message, uid)).toBe('uid');
  if (state !== undefined) expect(typeAt(message, state).name).toMatch(/^(PodSandbox|Container)State$/);
  if (labels !== undefined) expect(typeAt(message, labels).name).toBe('map<string,string>');
}

/** Whether the message, or one below it, has a field of that name. */
function holds(message: DescMessage, name: string, seen = new Set<DescMessage>()): boolean {
  if (seen.has(message)) return false;
  seen.add(message);
  return message.fields.some(
    (field) => field.name === name || (field.message !== undefined && holds(field.message, name, seen)),
  );
}

function recordOf(row: ListMethod): DescMessage {
  const { message } = typeAt(rpcOf(row).output, [row.recordField]);
  if (message === undefined) throw new Error(`the records of ${row.name} are no messages`);
  return message;
}

function rpcOf(row: Method): DescMethod {
  const rpc = CRI_RPCS.find((each) => each.name === row.name);
  if (rpc === undefined) throw new Error(`the schema has no ${row.name}`);
  return rpc;
}

/** The name of the field at the end of a path. */
function nameAt(message: DescMessage, path: readonly number[]): string | undefined {
  const parent = typeAt(message, path.slice(0, -1)).message;
  return parent?.fields.find((field) => field.number === path.at(-1))?.name;
}

function namesOf(rows: readonly { readonly name: string }[]): string[] {
  return rows.map((row) => row.name);
}
