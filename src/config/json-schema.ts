// The JSON Schema of the config file, for editors. Written to config/ by scripts/generate-config-schema.mjs; the
// program itself never reads it.
import * as z from 'zod';
import { configSchema } from './schema.ts';

/** The schema as text. Draft 7, because that is what YAML editors know best. */
export function configJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ $schema, title: 'SwitchyardConfiguration', ...schema }, null, 2)}\n`;
}
