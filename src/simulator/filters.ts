// The filters of the list RPCs. An absent filter and an empty one mean the same: everything.

type Labels = Readonly<Record<string, string>>;

/** True when every pair of the selector is among the labels. */
export function matchesLabels(labels: Labels, selector: Labels | undefined): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}

/** True when no state is asked for, or it is the object's. */
export function matchesState(state: number, wanted: { readonly state: number } | undefined): boolean {
  return wanted === undefined || wanted.state === state;
}

/** True when the selector asks for nothing. */
export function isEmptySelector(selector: Labels | undefined): boolean {
  for (const _ in selector) return false;
  return true;
}
