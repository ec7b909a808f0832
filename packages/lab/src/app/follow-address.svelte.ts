import { untrack } from "svelte";

interface Followed {
  /** The screen's part of the address. */
  readonly query: () => string;
  /** The settings as a query. */
  readonly print: () => string;
  /** Takes the settings of an address that was typed, or gone back to. */
  readonly read: (query: string) => void;
  readonly write: (query: string) => void;
}

/** Keeps settings and address the same. Called while a screen is made from `query()`. */
export function followAddress({ query, print, read, write }: Followed): void {
  let isFirst = true;
  $effect(() => {
    const given = query();
    if (!isFirst && given !== untrack(print)) untrack(() => read(given));
    isFirst = false;
  });
  $effect(() => {
    const text = print();
    untrack(() => write(text));
  });
}
