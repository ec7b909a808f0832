// An experiment of `isoloss run` with what the screen compares.
import type { LandscapeState, MethodName } from "../screens/landscape/state.js";
import type { Teleports } from "../url/teleports.js";
import { variantsOf } from "./variants.js";

/** What has no place in an experiment. */
const withoutPlace: Readonly<Partial<Record<MethodName, string>>> = {
  hand: "descent from a point that was dragged",
  rate: "the larger rate, which is known after the teleports",
};

/**
 * The experiment as YAML, which tells what has no place in it. Undefined for a function of one's own, which experiments do
 * not read.
 *
 * @throws Error where nothing that is compared has a place in it
 */
export function experimentOf(state: LandscapeState): string | undefined {
  const { f, cond, x, opt, lr, n, tp, search, obj } = state;
  if (f === "own") return undefined;
  const start = `start: [${x.join(", ")}]`;
  const problem =
    f === "quadratic" ? `name: ${f}, matrix: [[1, 0], [0, ${cond}]], ${start}` : `name: ${f}, ${start}`;
  const teleport = (by: string) => `{ teleport: { when: ${whenOf(tp)}, search: ${by}, objective: ${obj} } }`;
  const settings: Readonly<Partial<Record<MethodName, string>>> = {
    plain: "{}",
    ...(tp.kind === "off"
      ? {}
      : { teleported: teleport(search), random: teleport("{ name: randomSearch, samples: 1 }") }),
    lbfgs: "{ optimizer: lbfgs }",
    cg: "{ optimizer: conjugateGradients }",
  };
  const left = state.with.flatMap((method) => withoutPlace[method] ?? []);
  return [
    "# npx isoloss run lab.yaml",
    ...left.map((what) => `# Left out: ${what}.`),
    "name: lab",
    "kind: minimize",
    `problem: { ${problem} }`,
    `optimizer: ${opt}`,
    `learningRate: ${lr}`,
    `steps: ${n}`,
    ...variantsOf(
      state.with.flatMap((method) => (settings[method] ? [`  ${method}: ${settings[method]}`] : [])),
    ),
    "figures: [levelSets, loss, gradNormSq]",
    "",
  ].join("\n");
}

const whenOf = (tp: Teleports): string =>
  tp.kind === "every"
    ? `{ every: ${tp.steps} }`
    : `{ atSteps: [${tp.kind === "at" ? tp.steps.join(", ") : ""}] }`;
