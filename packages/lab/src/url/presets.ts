/** Settings with a name, which an address can refer to by `preset`. */
export interface Preset<S> {
  readonly title: string;
  /** What to look at. */
  readonly text: string;
  readonly state: S;
}

export type Presets<S> = Readonly<Record<string, Preset<S>>>;

/** Takes the preset out of a query: its state, if it names one, is what the other keys are read on top of. */
export function takePreset<S>(
  presets: Presets<S>,
  query: string,
): { readonly state: S | undefined; readonly rest: string; readonly notices: readonly string[] } {
  const given = new URLSearchParams(query);
  const name = given.get("preset");
  given.delete("preset");
  const rest = given.toString();
  if (name === null) return { state: undefined, rest, notices: [] };
  if (Object.hasOwn(presets, name)) return { state: presets[name].state, rest, notices: [] };
  const notice = `preset=${name.slice(0, 40)} is none of ${Object.keys(presets).join(", ")}.`;
  return { state: undefined, rest, notices: [notice] };
}
