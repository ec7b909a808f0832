import type { Presets } from "../url/presets.js";

export interface PresetChoice {
  /** The preset that has the settings that are shown, if one has. */
  readonly current: string | undefined;
  /** The preset that the settings began with: its text stays, so that nothing moves while they are changed. */
  readonly begun: string | undefined;
}

/** Which preset a component's settings are, or began with. Called while the component is made. */
export function presetChoice<S>(
  presets: Presets<S>,
  print: (state: S) => string,
  state: () => S,
): PresetChoice {
  const current = $derived.by(() => {
    const text = print(state());
    return Object.keys(presets).find((name) => print(presets[name].state) === text);
  });
  let begun = $state<string>();
  $effect(() => {
    if (current !== undefined) begun = current;
  });
  return {
    get current() {
      return current;
    },
    get begun() {
      return begun;
    },
  };
}
