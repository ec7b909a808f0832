import { item } from "../../../array.js";
import { valueAndGrad } from "../../../graph/autodiff.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import type { ParameterVector } from "../../parameter-vector.js";
import type { SearchProblem, Setting } from "../search.js";

/** Loss and objective at a point, and the gradient of the loss. */
export interface Trial {
  readonly loss: number;
  readonly objective: number;
  readonly g: Float64Array;
}

/** The same with the gradient of the objective. */
export interface Ascent extends Trial {
  readonly slope: Float64Array;
}

export interface Evaluation<P> {
  trial(params: P, setting: Setting<P>): Promise<Trial>;
  ascent(params: P, setting: Setting<P>): Promise<Ascent>;
  dispose(): Promise<void>;
}

export async function compileEvaluation<P>(
  { loss, objective, params, batch, memory, compileOptions }: SearchProblem<P>,
  space: ParameterVector<P>,
): Promise<Evaluation<P>> {
  const example = { params, batch, memory };
  type Place = TensorsOf<typeof example>;
  const at = ({ params: p, batch: b }: Place) => {
    const [value, g] = valueAndGrad(loss)(p, b);
    return { loss: value, g };
  };
  const trial = trace((here: Place) => {
    const { params: p, batch: b, memory: m } = here;
    return { ...at(here), objective: objective(p, b, m) };
  }, example);
  const ascent = trace((here: Place) => {
    const { params: p, batch: b, memory: m } = here;
    const [value, slope] = valueAndGrad(objective)(p, b, m);
    return { ...at(here), objective: value, slope };
  }, example);
  const [trialRun, ascentRun] = [
    await compile(trial.graph, compileOptions),
    await compile(ascent.graph, compileOptions),
  ];
  const run = async (executable: typeof trialRun, p: P, setting: Setting<P>) => {
    const results = await executable.run(
      namedArrays({ params: p, batch: setting.batch, memory: setting.memory }),
    );
    const g = space.collect(results, "g");
    return { results, loss: item(results.loss), objective: item(results.objective), g };
  };
  return {
    async trial(p, setting) {
      const { loss: value, objective: phi, g } = await run(trialRun, p, setting);
      return { loss: value, objective: phi, g };
    },
    async ascent(p, setting) {
      const { results, loss: value, objective: phi, g } = await run(ascentRun, p, setting);
      return { loss: value, objective: phi, g, slope: space.collect(results, "slope") };
    },
    async dispose() {
      await trialRun.dispose();
      await ascentRun.dispose();
    },
  };
}
