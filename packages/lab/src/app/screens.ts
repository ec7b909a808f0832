// The screens of the lab. Each is a chunk of its own, with a worker of its own: loaded when it is opened.
import type { Component } from "svelte";

/** What the page gives to a screen. */
export interface ScreenProps {
  /** The screen's part of the address, such as `f=booth&lr=0.08`. */
  readonly query: string;
  readonly theme: "light" | "dark";
  /** What the page did not understand of the address: the screen's status tells it. */
  readonly notices: readonly string[];
  /** Told of the settings as a query; a preset is an entry of the history. */
  readonly onquery: (query: string, isEntry: boolean) => void;
}

/** What a screen gives to tests and consoles: what it shows, as numbers. */
export interface ScreenExports {
  readonly inspect?: () => unknown;
}

export interface ScreenEntry {
  /** As in the address. */
  readonly name: string;
  readonly title: string;
  load(): Promise<{ readonly default: Component<ScreenProps, ScreenExports> }>;
}

/** In the order of their keys, 1 first. The first one is shown where the address names none. */
export const screens: readonly ScreenEntry[] = [
  {
    name: "landscape",
    title: "Landscape",
    load: () => import("../screens/landscape/Screen.svelte"),
  },
  { name: "train", title: "Train", load: () => import("../screens/train/Screen.svelte") },
  { name: "tasks", title: "Tasks", load: () => import("../screens/tasks/Screen.svelte") },
  { name: "model", title: "Model", load: () => import("../screens/model/Screen.svelte") },
];
