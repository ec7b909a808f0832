import type { TasksState } from "./state.js";

/** Settings of COST as in the experiment `toy`, of which the screen changes three. */
export const costOptionsOf = ({ every, weight, radius }: Pick<TasksState, "every" | "weight" | "radius">) =>
  ({
    schedule: { every },
    adapter: { kind: "dense" },
    improve: { kind: "sharpness", weight, samples: 5, radius: 0.01 },
    inner: { learningRate: 0.1, steps: 50 },
    trust: { kind: "absolute", value: radius },
    guard: { kind: "absolute", judge: "mean", drift: 2 },
  }) as const;
