// Our side of the workloads: torch/workloads_*.py describe them, and are the other side.
import { classifiers } from "./workloads/classifiers.mjs";
import { compress } from "./workloads/compress.mjs";
import { functions } from "./workloads/functions.mjs";
import { recurrent } from "./workloads/recurrent.mjs";
import { sixTeleports } from "./workloads/six-teleports.mjs";
import { streams } from "./workloads/streams.mjs";
import { tasks } from "./workloads/tasks.mjs";
import { teleports } from "./workloads/teleports.mjs";

/**
 * Workloads by name; `reach` is the ratio that the project holds itself to. Three kinds:
 *
 * `peers`: `make(threads)` compiles our side; these are PyTorch's names, the fastest of which counts.
 * `base`: the other side is ours, too: `count` times what `base.make(threads)` measures; or fixed, `base.us`.
 * `study`: `study({ rounds, say })` does all of it, and returns a ratio with an interval.
 *
 * `isSlow`: a step takes a minute or more: one a side counts, with all threads, and only where it is asked for by name.
 */
export const workloads = {
  ...functions,
  ...classifiers,
  ...teleports,
  ...sixTeleports,
  ...tasks,
  ...recurrent,
  ...streams,
  ...compress,
};
