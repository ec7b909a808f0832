// An experiment of `isoloss run` with what the screen compares.
import { titleOf } from "../screens/landscape/methods.js";
import type { LandscapeState, MethodName } from "../screens/landscape/state.js";
import type { Teleports } from "../url/teleports.js";
import { variantsOf } from "./variants.js";

/**
 * The experiment as YAML. What has no place in it is told in it: the larger rate, which is known after the teleports, and
 * descent from a point that was dragged. Undefined for a function of one's own, which experiments do not read.
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
  const left = state.with.filter((method) => settings[method] === undefined);
  return [
    "# npx isoloss run lab.yaml",
    ...(left.length > 0 ? [`# Without: ${left.map((method) => titleOf(method)).join(", ")}.`] : []),
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
