import { flattenTree, isNdArray, type NdArray, namedArrays, OptionError, unflattenTree } from "isoloss";
import { diagnose as diagnosisOf } from "isoloss/teleport";
import type { Tree } from "../../catalogue/problems.js";
import type { DiagnosedPoint, Subject } from "../../kind.js";
import { contextOf } from "./context.js";

interface Place {
  readonly at: string;
  readonly step: number;
  readonly params?: readonly number[];
  readonly moved?: readonly number[];
}

/** Start, teleports and end of a run of few parameters; start and end of another. */
async function placesOf({ run, weights, settings, seed, points }: Subject): Promise<Place[]> {
  if (points !== undefined) {
    throw new OptionError(
      "--points is for networks and several tasks. This run is diagnosed at its start, at every teleport and at its end: leave out --points.",
    );
  }
  const start = { at: "at the start", step: 0 };
  if (run?.trajectory === undefined) {
    if (weights === undefined) return [start];
    const { tensors, step } = await weights();
    const { problem } = await contextOf(settings, seed);
    const params = Object.keys(namedArrays({ params: problem.start })).flatMap((name) =>
      Array.from(tensors[name].data as Float64Array, Number),
    );
    return [start, { at: `at step ${step}`, step, params }];
  }
  const { trajectory, jumps, document } = run;
  return [
    { ...start, params: trajectory[0] },
    ...jumps.map(({ step, from, to }) => ({
      at: `at the teleport before step ${step}`,
      step,
      params: from,
      moved: to,
    })),
    { at: "at the end", step: document.steps, params: trajectory.at(-1) ?? [] },
  ];
}

/** Diagnoses the run of a function at its start, at every teleport and at its end. */
export async function functionPoints(subject: Subject): Promise<DiagnosedPoint[]> {
  const { settings, seed } = subject;
  const { problem, context, hasSymmetry } = await contextOf(settings, seed);
  const { leaves, def } = flattenTree<NdArray>(problem.start, isNdArray);
  const treeOf = (values: readonly number[]): Tree => {
    let from = 0;
    return unflattenTree(
      def,
      leaves.map(({ shape, data }) => {
        const part = values.slice(from, from + data.length);
        from += data.length;
        return { shape, data: Float64Array.from(part) };
      }),
    ) as Tree;
  };
  const points: DiagnosedPoint[] = [];
  for (const { at, step, params, moved } of await placesOf(subject)) {
    const { learningRate: schedule } = context;
    const learningRate = typeof schedule === "function" ? schedule(step) : schedule;
    const diagnosis = await diagnosisOf<Tree>({
      loss: problem.loss,
      params: params ? treeOf(params) : problem.start,
      batch: problem.batch,
      learningRate,
      ...(hasSymmetry ? { symmetry: problem.symmetry() } : {}),
      quadratic: context.quadratic !== undefined,
      ...(moved ? { moved: treeOf(moved) } : {}),
    });
    points.push({ at, step, diagnosis });
  }
  return points;
}
