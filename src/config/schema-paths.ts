// What the schema of the config says of the value at a path. For the words about files that do not fit it.
import type * as z from 'zod';
import type { ConfigPath } from './problems.ts';
import { configSchema } from './schema.ts';

type Schema = z.core.$ZodType;

/** The schema of one value, without what makes it optional. */
export interface SchemaPart {
  /** `object`, `record`, `array`, `string` and so on. */
  readonly type: string;
  /** Whether the key may be left out. */
  readonly isOptional: boolean;
  /** The keys of an object. */
  readonly keys: readonly string[];
  /** All that the value may be, where there are few. */
  readonly values: readonly string[];
  /** Of an array: the keys of its entries. */
  readonly entryKeys: readonly string[];
  /** How a person may write the value, if the schema has an example. */
  readonly example: string | undefined;
  /** Whether a value fits. */
  takes(value: unknown): boolean;
}

/** The part at `path`; undefined where the schema knows no such key. */
export function partAt(path: ConfigPath): SchemaPart | undefined {
  let schema: Schema | undefined = configSchema;
  for (const segment of path) schema = schema && stepInto(bare(schema), String(segment));
  if (schema === undefined) return undefined;
  const inner = bare(schema);
  const { shape = {}, element, entries = {} } = insideOf(inner);
  return {
    type: inner._zod.def.type,
    isOptional: ['optional', 'default', 'prefault'].includes(schema._zod.def.type),
    keys: Object.keys(shape),
    values: Object.values(entries),
    entryKeys: Object.keys((element && insideOf(bare(element)).shape) ?? {}),
    example: exampleOf(inner),
    takes: (value) => (withoutDefault(schema) as z.ZodType).safeParse(value).success,
  };
}

function exampleOf(schema: Schema): string | undefined {
  const { def } = schema._zod;
  if (isLiteral(def)) return String(def.values[0]);
  // Examples are given as meta of the schema.
  const examples: unknown = (schema as z.ZodType).meta()?.['examples'];
  return Array.isArray(examples) ? String(examples[0]) : undefined;
}

function isLiteral(def: z.core.$ZodTypeDef): def is z.core.$ZodLiteralDef<z.core.util.Literal> {
  return def.type === 'literal';
}

function stepInto(schema: Schema, key: string): Schema | undefined {
  const { shape, element, valueType, options = [] } = insideOf(schema);
  if (shape !== undefined) return shape[key];
  const inner = element ?? valueType;
  // A list or a mapping: the index tells which.
  const form = options.find((option) => option._zod.def.type === (/^\d+$/.test(key) ? 'array' : 'record'));
  return inner ?? (form && stepInto(form, key));
}

/** What a schema is made of; which of these are there depends on its type. */
interface Inside {
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  /** Of an enum. */
  readonly entries?: Readonly<Record<string, string>>;
  readonly valueType?: Schema;
  readonly innerType?: Schema;
  readonly options?: readonly Schema[];
}

function insideOf(schema: Schema): Inside {
  const def: object = schema._zod.def;
  return def;
}

function withoutDefault(schema: Schema): Schema {
  const { innerType } = insideOf(schema);
  return innerType === undefined ? schema : withoutDefault(innerType);
}

function bare(schema: Schema): Schema {
  const { options } = insideOf(withoutDefault(schema));
  // Only { exists } among the forms has keys of its own.
  const object = options?.find((option) => option._zod.def.type === 'object');
  return object ?? withoutDefault(schema);
}
