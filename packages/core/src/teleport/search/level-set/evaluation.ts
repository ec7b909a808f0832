import { item } from "../../../array.js";
import { valueAndGrad } from "../../../graph/autodiff.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import { namedArrays } from "../../../named-arrays.js";
import type { Executable } from "../../../runtime/executable.js";
import { lazyExecutables } from "../../../runtime/lazy.js";
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

/** Compiled where a step is taken on the host, which most walks never do. */
export function evaluation<P>(
  { loss, objective, params, batch, memory, compileOptions }: SearchProblem<P>,
  space: ParameterVector<P>,
): Evaluation<P> {
  const example = { params, batch, memory };
  type Place = TensorsOf<typeof example>;
  const at = ({ params: p, batch: b }: Place) => {
    const [value, g] = valueAndGrad(loss)(p, b);
    return { loss: value, g };
  };
  const trial = () =>
    trace((here: Place) => {
      const { params: p, batch: b, memory: m } = here;
      return { ...at(here), objective: objective(p, b, m) };
    }, example).graph;
  const ascent = () =>
    trace((here: Place) => {
      const { params: p, batch: b, memory: m } = here;
      const [value, slope] = valueAndGrad(objective)(p, b, m);
      return { ...at(here), objective: value, slope };
    }, example).graph;
  const executables = lazyExecutables(compileOptions);
  const run = async (executable: Executable, p: P, setting: Setting<P>) => {
    const results = await executable.run(
      namedArrays({ params: p, batch: setting.batch, memory: setting.memory }),
    );
    const g = space.collect(results, "g");
    return { results, loss: item(results.loss), objective: item(results.objective), g };
  };
  return {
    async trial(p, setting) {
      const { loss: value, objective: phi, g } = await run(await executables.get("trial", trial), p, setting);
      return { loss: value, objective: phi, g };
    },
    async ascent(p, setting) {
      const {
        results,
        loss: value,
        objective: phi,
        g,
      } = await run(await executables.get("ascent", ascent), p, setting);
      return { loss: value, objective: phi, g, slope: space.collect(results, "slope") };
    },
    dispose: executables.dispose,
  };
}
