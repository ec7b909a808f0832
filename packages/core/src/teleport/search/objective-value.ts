import { item } from "../../array.js";
import { trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { compile } from "../../runtime/compile.js";
import type { SearchProblem, Setting } from "./search.js";

/**
 * Measures the objective alone, which costs less than the guard's measurement: that may run a race from each
 * point.
 */
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
  const example = { params, batch, memory };
  const { graph } = trace(({ params: p, batch: b, memory: m }) => ({ value: objective(p, b, m) }), example);
  const run = await compile(graph, compileOptions);
  return {
    async at(p, setting) {
      const results = await run.run(namedArrays({ params: p, batch: setting.batch, memory: setting.memory }));
      return item(results.value);
    },
    dispose: () => run.dispose(),
  };
}
