// A program that prints the numbers of the screen.
import type { LandscapeState, MethodName } from "../screens/landscape/state.js";

/** A TypeScript program of the library that runs what the screen compares, and prints the last loss of each. */
export function typescriptOf(state: LandscapeState): string {
  const { f, cond, x, opt, lr, n, tp, search, obj } = state;
  const teleports = tp.kind === "off" ? [] : state.with.filter((m) => m === "teleported" || m === "random");
  const searches = state.with.filter((m) => m === "lbfgs" || m === "cg");
  const start = `[${x.join(", ")}]`;
  const problem =
    f === "quadratic"
      ? `quadratic({ matrix: [[1, 0], [0, ${cond}]], start: ${start} })`
      : `${f}({ start: ${start} })`;
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
  const list = (names: readonly string[], from: string) =>
    names.length === 0 ? [] : [`import { ${[...new Set(names)].sort().join(", ")} } from "${from}";`];
  return [
    ...list(["minimize"], "isoloss"),
    ...list(
      [
        "createOptimizer",
        ...searches.flatMap((m) => ["minimizeByLineSearch", m === "lbfgs" ? "lbfgs" : "conjugateDirections"]),
      ],
      "isoloss/optim",
    ),
    ...list([f], "isoloss/problems"),
    ...list(named, "isoloss/teleport"),
    "",
    `const problem = ${problem};`,
    `const settings = { optimizer: createOptimizer("${opt}"), learningRate: ${lr}, steps: ${n} };`,
    "",
    "export const lastLosses = {",
    ...(state.with.includes("plain") ? ["  plain: (await minimize(problem, settings)).loss.at(-1),"] : []),
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
