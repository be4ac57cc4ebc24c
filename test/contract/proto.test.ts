import { readFileSync } from 'node:fs';
import type { DescEnum, DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { CRI_FILES, CRI_SERVICES, typeOf } from '../support/cri-descriptors.ts';

/** Every fact without its last column, which descriptors do not have. */
const facts = readFileSync(new URL('./cri-v1-facts.tsv', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t').slice(0, 6).join('\t'));

const messages = CRI_FILES.flatMap((file) => file.messages.flatMap(withNested));
const enums = [...CRI_FILES.flatMap((file) => file.enums), ...messages.flatMap((each) => each.nestedEnums)];

describe('the schema in proto/', () => {
  it('has the services, RPCs and streams of CRI, in its order', () => {
    expect(CRI_SERVICES.flatMap((service) => service.methods.map(rpcFact))).toEqual(factsOf('rpc'));
  });

  it('has the fields of CRI with their numbers, names and types, and no others', () => {
    expect(messages.flatMap(fieldFacts).sort()).toEqual(factsOf('field').sort());
  });

  it('has the enum values of CRI with their numbers, and no others', () => {
    expect(enums.flatMap(enumFacts).sort()).toEqual(factsOf('enum').sort());
  });

  it('has no message that no RPC sends', () => {
    const sent = new Set<DescMessage>();
    for (const rpc of CRI_SERVICES.flatMap((service) => service.methods)) {
      collect(rpc.input, sent);
      collect(rpc.output, sent);
    }
    expect(messages.filter((message) => !sent.has(message)).map((message) => message.name)).toEqual([]);
  });

  it('is in the package of CRI, which is part of every gRPC path', () => {
    expect(new Set(CRI_FILES.map((file) => file.proto.package))).toEqual(new Set(['runtime.v1']));
  });

  it('marks the secrets of a registry', () => {
    const auth = messages.find((message) => message.name === 'AuthConfig');
    const marked = auth?.fields.filter((field) => field.proto.options?.debugRedact === true);
    expect(marked?.map((field) => field.name)).toEqual([
      'password',
      'auth',
      'identity_token',
      'registry_token',
    ]);
  });
});

function factsOf(kind: string): string[] {
  return facts.filter((fact) => fact.startsWith(`${kind}\t`));
}

function rpcFact(rpc: (typeof CRI_SERVICES)[number]['methods'][number]): string {
  const stream = rpc.methodKind === 'server_streaming' ? 'stream ' : '';
  return ['rpc', rpc.parent.name, '', rpc.name, `${rpc.input.name} -> ${stream}${rpc.output.name}`, ''].join(
    '\t',
  );
}

function fieldFacts(message: DescMessage): string[] {
  return message.fields.map((field) => {
    const { name, isRepeated } = typeOf(field);
    return ['field', message.name, field.number, field.name, name, isRepeated ? 'repeated' : ''].join('\t');
  });
}

function enumFacts(each: DescEnum): string[] {
  const owner = each.typeName.replace('runtime.v1.', '');
  return each.values.map((value) => ['enum', owner, value.number, value.name, '', ''].join('\t'));
}

function withNested(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function collect(message: DescMessage, into: Set<DescMessage>): void {
  if (into.has(message)) return;
  into.add(message);
  for (const field of message.fields) if (field.message !== undefined) collect(field.message, into);
}
