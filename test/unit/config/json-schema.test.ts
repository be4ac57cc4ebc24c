import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configJsonSchema } from '../../../src/config/json-schema.ts';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
}

const schema: Schema = JSON.parse(configJsonSchema());

/** All keys of the file with their schemas, as a.b[].c. */
function keysOf(schema: Schema, path: string): [path: string, schema: Schema][] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]): [string, Schema][] => {
    const at = path === '' ? key : `${path}.${key}`;
    return [[at, value], ...keysOf(value, at)];
  });
  return schema.items === undefined ? inner : [...inner, ...keysOf(schema.items, `${path}[]`)];
}

test('is committed beside the samples as the config schema makes it', () => {
  const committed = readFileSync(new URL('../../../config/switchyard.schema.json', import.meta.url), 'utf8');
  expect(committed).toBe(configJsonSchema());
});

test('describes every key', () => {
  const keys = keysOf(schema, '');
  expect(keys.length).toBeGreaterThan(40);
  expect(
    keys.filter(([, { description = '' }]) => !/^[A-Za-z"/].*\.$/.test(description)).map(([path]) => path),
  ).toEqual([]);
});

test('refuses unknown keys at every level', () => {
  const objects = [['', schema] as const, ...keysOf(schema, '')].filter(
    ([, { properties }]) => properties !== undefined,
  );
  expect(
    objects.filter(([, { additionalProperties }]) => additionalProperties !== false).map(([path]) => path),
  ).toEqual([]);
});
