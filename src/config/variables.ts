// Variables of a shell in a config, which nothing fills in.

const VARIABLE = /\$[\w{(]/;

/** What to do about one. */
export const VARIABLE_HINT = 'Write the value itself: variables are not filled in';

/** Whether the text holds what a shell would replace: `$X`, `${X}` or `$(x)`. */
export function hasVariable(text: string): boolean {
  return VARIABLE.test(text);
}
