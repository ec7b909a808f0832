// What the screen's export buttons make.
import { variantsOf } from "../../app/save.js";
import { ownTypescript } from "../../formula/typescript.js";
import type { Teleports } from "../../url/teleports.js";
import type { Course, Point } from "./course.js";
import { hasGroup, type LandscapeState, type MethodName } from "./state.js";

/** One line a point, in the columns of `isoloss plot`: variant, step, seconds, loss and squared gradient norm, and the point. */
export function* dataCsv(courses: readonly Course[]): Iterable<string> {
  yield "variant,step,seconds,loss,gradNormSq,x,y";
  for (const { method, loss, gradNormSq, seconds, x, y } of courses)
    for (const [t, value] of loss.entries())
      yield [method, t, seconds[t], value, gradNormSq[t], x[t], y[t]].join(",");
}

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

/**
 * A TypeScript program of the library that runs what the screen compares, and prints the last loss of each.
 *
 * @param hand where the run by hand begins
 */
export function typescriptOf(state: LandscapeState, hand?: Point): string {
  const { f, cond, r1, r2, x, opt, lr, n, tp, search, obj } = state;
  const teleports =
    tp.kind === "off"
      ? []
      : state.with.filter((m) => m === "teleported" || (m === "random" && hasGroup(state)));
  const searches = state.with.filter((m) => m === "lbfgs" || m === "cg");
  const start = `[${x.join(", ")}]`;
  const options =
    f === "quadratic" ? `{ matrix: [[1, 0], [0, ${cond}]], start: ${start} }` : `{ start: ${start} }`;
  const problem =
    f === "own"
      ? ownTypescript(r1, r2, start)
      : { lines: [`const problem = ${f}(${options});`], imports: { "isoloss/problems": [f] } };
  const byHand = hand && state.with.includes("hand") ? `vector([${hand.join(", ")}])` : undefined;
  const ways: Readonly<Record<string, string>> = {
    bestAngle: "bestAngle(problem.symmetry())",
    gradientAscent: "gradientAscent(problem.symmetry())",
    levelSet: "levelSet()",
  };
  const wayOf = (method: MethodName) =>
    method === "random" ? "randomSearch(problem.symmetry(), { samples: 1 })" : ways[search];
  const schedule =
    tp.kind === "every" ? `every(${tp.steps})` : tp.kind === "at" ? `atSteps([${tp.steps.join(", ")}])` : "";
  const named = [
    ...(teleports.length > 0 ? [tp.kind === "every" ? "every" : "atSteps", obj] : []),
    ...teleports.map((method) => (method === "random" ? "randomSearch" : search)),
  ];
  const optimizers = searches.flatMap((m) => [
    "minimizeByLineSearch",
    m === "lbfgs" ? "lbfgs" : "conjugateDirections",
  ]);
  const imports = [
    problem.imports,
    { isoloss: ["minimize"], "isoloss/optim": ["createOptimizer", ...optimizers], "isoloss/teleport": named },
    { "isoloss/problems": byHand ? ["vector"] : [] },
  ];
  const importsFrom = (entry: string) => {
    const names = imports.flatMap((part: Readonly<Record<string, readonly string[]>>) => part[entry] ?? []);
    return names.length === 0 ? [] : [`import { ${[...new Set(names)].sort().join(", ")} } from "${entry}";`];
  };
  return [
    ...[
      "isoloss",
      "isoloss/ops",
      "isoloss/optim",
      "isoloss/problems",
      "isoloss/symmetry",
      "isoloss/teleport",
    ].flatMap(importsFrom),
    "",
    ...problem.lines,
    `const settings = { optimizer: createOptimizer("${opt}"), learningRate: ${lr}, steps: ${n} };`,
    "",
    "export const lastLosses = {",
    ...(state.with.includes("plain") ? ["  plain: (await minimize(problem, settings)).loss.at(-1),"] : []),
    ...(byHand ? [`  hand: (await minimize({ ...problem, start: ${byHand} }, settings)).loss.at(-1),`] : []),
    ...teleports.flatMap((method) => [
      `  ${method}: (`,
      "    await minimize(problem, {",
      "      ...settings,",
      `      teleport: { when: ${schedule}, search: ${wayOf(method)}, objective: ${obj} },`,
      "    })",
      "  ).loss.at(-1),",
    ]),
    ...searches.map(
      (method) =>
        `  ${method}: (await minimizeByLineSearch(problem, { directions: ${method === "lbfgs" ? "lbfgs()" : "conjugateDirections"}, steps: ${n} })).loss.at(-1),`,
    ),
    "};",
    "console.log(lastLosses);",
    "",
  ].join("\n");
}
