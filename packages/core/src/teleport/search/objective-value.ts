import { item } from "../../array.js";
import type { TensorsOf } from "../../graph/trace.js";
import { trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { compile } from "../../runtime/compile.js";
import type { BatchTensors } from "../../symmetry/symmetry.js";
import type { Memory } from "../objective/objective.js";
import type { SearchProblem, Setting } from "./search.js";

/** Measures the objective alone: less than what the guard measures, which may run a race from each point. */
export interface ObjectiveValue<P> {
  at(params: P, setting: Setting<P>): Promise<number>;
  dispose(): Promise<void>;
}

export async function compileObjective<P>({
  objective,
  params,
  batch,
  memory,
  compileOptions,
}: SearchProblem<P>): Promise<ObjectiveValue<P>> {
  const value = (p: TensorsOf<P>, b: BatchTensors, m: Memory) => ({ value: objective(p, b, m) });
  const { graph } = trace(value as never, [params, batch, memory], { names: ["params", "batch", "memory"] });
  const run = await compile(graph, compileOptions);
  return {
    async at(p, setting) {
      const results = await run.run(namedArrays({ params: p, batch: setting.batch, memory: setting.memory }));
      return item(results.value);
    },
    dispose: () => run.dispose(),
  };
}
