import { forgetTyped } from "../controls/typed.svelte.js";
import type { Presets } from "../url/presets.js";
import type { ScreenModel } from "./screen-model.svelte.js";

export interface PresetChoice {
  /** The preset that has the settings that are shown, if one has. */
  readonly current: string | undefined;
  /** The preset that the settings began with: its text stays, so that nothing moves while they are changed. */
  readonly begun: string | undefined;
  choose(name: string): void;
  /** Goes back to the preset that the settings began with. */
  reset(): void;
}

interface Settings<S> {
  readonly presets: Presets<S>;
  readonly print: (state: S) => string;
  /** Settings that began with no preset go back to these. */
  readonly defaults: () => S;
  /** Told of the settings of a preset that is chosen, as a query. */
  readonly onchoose: (query: string) => void;
  /** Called where the preset is chosen that is shown already. */
  readonly again?: () => void;
}

/** Which preset a component's settings are, or began with. Called while the component is made. */
export function presetChoice<S extends object>(
  model: ScreenModel<S>,
  { presets, print, defaults, onchoose, again }: Settings<S>,
): PresetChoice {
  const current = $derived.by(() => {
    const text = print(model.state);
    return Object.keys(presets).find((name) => print(presets[name].state) === text);
  });
  let begun = $state<string>();
  $effect(() => {
    if (current !== undefined) begun = current;
  });
  const choose = (name: string) => {
    onchoose(print(presets[name].state));
    if (current === name && again !== undefined) again();
    else model.set(presets[name].state);
  };
  return {
    get current() {
      return current;
    },
    get begun() {
      return begun;
    },
    choose,
    reset() {
      forgetTyped();
      if (begun === undefined) model.set(defaults());
      else choose(begun);
    },
  };
}
