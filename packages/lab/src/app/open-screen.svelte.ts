import { onMount, untrack } from "svelte";
import type { ScreenModel } from "./screen-model.svelte.js";

/**
 * Opens a screen with its model while its component is there, and keeps settings and address the same. Called while the component is
 * made.
 *
 * @param query the screen's part of the address
 */
export function openScreen<S extends object>(
  model: ScreenModel<S>,
  print: (state: S) => string,
  query: () => string,
  write: (query: string) => void,
): void {
  onMount(() => {
    model.enter(query(), print);
    return () => model.leave();
  });
  let isFirst = true;
  $effect(() => {
    const given = query();
    // One that was typed, or gone back to.
    if (!isFirst && given !== untrack(() => print(model.state))) untrack(() => model.follow(given));
    isFirst = false;
  });
  $effect(() => {
    const text = print(model.state);
    untrack(() => write(text));
  });
}
