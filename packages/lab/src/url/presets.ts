import { repeatedNotices, settingsIn } from "./codec.js";

/** Settings with a name, which an address can refer to by `preset`. */
export interface Preset<S> {
  readonly title: string;
  /** What to look at. */
  readonly text: string;
  /** Address of the page of results that has its numbers. */
  readonly page?: string;
  readonly state: S;
}

export type Presets<S> = Readonly<Record<string, Preset<S>>>;

/** Takes the preset out of a query: its state, if it names one, is what the other keys are read on top of. */
export function takePreset<S>(
  presets: Presets<S>,
  query: string,
): { readonly state: S | undefined; readonly rest: string; readonly notices: readonly string[] } {
  const isPreset = (part: string) => part.startsWith("preset=");
  const parts = query.split("&");
  const names = settingsIn(parts.filter(isPreset).join("&")).getAll("preset");
  const [name] = names;
  const rest = parts.filter((part) => !isPreset(part)).join("&");
  if (name === undefined) return { state: undefined, rest, notices: [] };
  const repeated = repeatedNotices("preset", names);
  if (Object.hasOwn(presets, name)) return { state: presets[name].state, rest, notices: repeated };
  const notice = `preset=${name.slice(0, 40)} is none of ${Object.keys(presets).join(", ")}.`;
  return { state: undefined, rest, notices: [...repeated, notice] };
}
