// COST on models with a state, with gradients in a representation, and with attention.
import type { CostReport } from "../../../src/mtl/cost/report.js";

export const tasks = ["first", "second"];

export const always = {
  trigger: "weak",
  schedule: {},
  negligible: 1e-4,
  guard: { samples: 24, drift: 10 },
} as const;

export const reportsOf = ({ history }: { history: { events: readonly { event: unknown }[] } }) =>
  history.events.map(({ event }) => event as CostReport);
