// What the screen's export buttons make.
import { variantsOf } from "../../app/save.js";
import type { Course } from "./course.js";
import {
  costOptionsOf,
  type MethodName,
  seedOf,
  stepsBetween,
  type TasksState,
  type VariantName,
} from "./state.js";

/** One line a point: variant, step, seconds, the point, both losses, the cosine of their gradients, the distance to the front. */
export function* dataCsv(courses: readonly Course[]): Iterable<string> {
  yield "variant,step,seconds,x1,x2,first,second,cosine,distance";
  for (const course of courses)
    for (const [k, step] of course.step.entries()) {
      const values = (["seconds", "x", "y", "first", "second", "cosine", "distance"] as const).map(
        (key) => course[key][k],
      );
      yield [nameOf(course), step, ...values].join(",");
    }
}

const nameOf = ({
  method,
  variant,
}: {
  readonly method: MethodName;
  readonly variant: VariantName;
}): string => (variant === "alone" ? method : `${method}-${variant}`);

/** An experiment of `isoloss run` with what the screen compares. */
export function experimentOf(state: TasksState): string {
  const { scale, x, methods, with: variants, lr, n } = state;
  const { schedule, adapter, improve, inner, trust, guard } = costOptionsOf(state);
  const cost = flow({ schedule, adapter, improve, inner, trust, guard });
  const control = (name: string) => cost.replace("{ ", `{ control: ${name}, `);
  const settings: Readonly<Record<VariantName, string>> = {
    alone: "",
    cost: `, cost: ${cost}`,
    random: `, cost: ${control("random")}`,
    same: `, cost: ${control("sameCompute")}`,
    rate: `, learningRate: ${10 * lr}`,
  };
  return [
    "# npx isoloss run lab.yaml",
    "name: lab",
    "kind: multi-task",
    `problem: { name: toy, scale: ${scale}, start: [${x.join(", ")}], untilFront: true }`,
    `method: ${methods[0] ?? "linearScalarization"}`,
    "optimizer: adam",
    `learningRate: ${lr}`,
    `steps: ${n}`,
    "clipNorm: 0",
    `recordEvery: ${stepsBetween(n)}`,
    `seeds: [${seedOf(x)}]`,
    ...variantsOf(
      methods.flatMap((method) =>
        variants.map(
          (variant) => `  ${nameOf({ method, variant })}: { method: ${method}${settings[variant]} }`,
        ),
      ),
    ),
    "figures: [paths, front]",
    "",
  ].join("\n");
}

/** Plain data as YAML in one line. */
const flow = (value: unknown): string =>
  typeof value === "object" && value !== null
    ? `{ ${Object.entries(value)
        .map(([key, entry]) => `${key}: ${flow(entry)}`)
        .join(", ")} }`
    : String(value);

/** A TypeScript program of the library that runs what the screen compares, and prints where each run ends. */
export function typescriptOf(state: TasksState): string {
  const { scale, x, methods, with: variants, lr, n } = state;
  const shown = variants.filter((variant) => variant !== "same");
  const isMoved = shown.some((variant) => variant === "cost" || variant === "random");
  const unit = stepsBetween(n);
  const runs = methods.flatMap((method) =>
    shown.map((variant) => {
      const more = {
        alone: "",
        cost: ', { move: "adapter" }',
        random: ', { move: "random" }',
        rate: `, { learningRate: ${10 * lr} }`,
      }[variant];
      return `  ${JSON.stringify(nameOf({ method, variant }))}: await run(createMethod("${method}")${more}),`;
    }),
  );
  return [
    `import { ${[...(isMoved ? ["cost"] : []), "createMethod", "createMultiTaskTrainer", "type MultiTaskMethod"].join(", ")} } from "isoloss/mtl";`,
    'import { adam } from "isoloss/optim";',
    'import { twoTaskToy } from "isoloss/problems";',
    "",
    `const toy = twoTaskToy({ scale: ${scale} });`,
    "",
    "interface Settings {",
    '  readonly move?: "adapter" | "random";',
    "  readonly learningRate?: number;",
    "}",
    "",
    "/** Where a run ends: at the Pareto front, or after the last step. */",
    `async function run(method: MultiTaskMethod, { ${isMoved ? "move, " : ""}learningRate = ${lr} }: Settings = {}) {`,
    ...(isMoved
      ? [
          `  const teleports = move && cost<ReturnType<typeof toy.at>>({ ...${JSON.stringify(costOptionsOf(state))}, move, seed: ${seedOf(x)} });`,
        ]
      : []),
    "  const trainer = await createMultiTaskTrainer({",
    `    ...{ losses: toy.losses, params: toy.at([${x.join(", ")}]), tasks: toy.tasks, method, learningRate },`,
    `    ...{ optimizer: adam(), clipNorm: 0, seed: ${seedOf(x)}, runtime: "javascript" },`,
    ...(isMoved ? ["    ...(teleports ? { beforeStep: teleports.beforeStep } : {}),"] : []),
    "  });",
    "  const distance = () => toy.distanceToFront(trainer.current.params);",
    `  while (trainer.current.step < ${n} && distance() >= 0.15) {`,
    `    await trainer.run({ steps: Math.min(${unit}, ${n} - trainer.current.step) });`,
    "  }",
    "  return { steps: trainer.current.step, distance: distance() };",
    "}",
    "",
    "export const ends = {",
    ...runs,
    "};",
    "console.log(ends);",
    "",
  ].join("\n");
}
