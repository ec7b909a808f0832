// What networks see on planar data: the class at the points of a grid.
import { compile, type Executable, namedArrays, spec, trace } from "isoloss";
import type { Dataset } from "isoloss/data";
import { softmax } from "isoloss/ops";
import type { PointData } from "../../charts/regions.js";
import { modelOf, type TrainData } from "./problem.js";
import type { Regions } from "./run.js";
import type { OneRun } from "./session.js";
import type { TrainState } from "./state.js";

/** Grid points a side. */
const side = 60;

export interface RegionReader {
  read(run: OneRun): Promise<Omit<Regions, "heldOut">>;
  dispose(): Promise<void>;
}

/** Compiles the network on a grid over the data's range. */
export async function createRegionReader(
  state: TrainState,
  data: TrainData,
  params: object,
): Promise<RegionReader> {
  const model = modelOf(state, data);
  const range = rangeOf(data);
  const { graph } = trace(({ params: p, x }) => ({ p: softmax(model.apply(p as never, x).output) }), {
    params: params as never,
    x: spec([side * side, 2], "float32"),
  });
  const network: Executable = await compile(graph, { runtime: "javascript" });
  const at = ([low, high]: readonly [number, number], k: number) => low + ((high - low) * (k + 0.5)) / side;
  const xy = Float32Array.from({ length: 2 * side * side }, (_, i) => {
    const k = i >> 1;
    return i % 2 === 0 ? at(range.x, k % side) : at(range.y, Math.floor(k / side));
  });
  return {
    async read({ name, trainer }) {
      const { p } = await network.run({
        ...namedArrays({ params: trainer.current.params }),
        x: { shape: [side * side, 2], data: xy },
      });
      const classes = new Uint8Array(side * side);
      const surely = new Float32Array(side * side);
      for (let k = 0; k < side * side; k++) {
        for (let c = 0; c < data.classes; c++) {
          const value = Number(p.data[k * data.classes + c]);
          if (value > surely[k]) [surely[k], classes[k]] = [value, c];
        }
      }
      return { name, side, classes, surely };
    },
    dispose: () => network.dispose(),
  };
}

/** A square around all points. */
function rangeOf({ train, heldOut }: TrainData): PointData["range"] {
  const values = [train, heldOut].flatMap(({ inputs }) => Array.from(inputs.data, Number));
  const ends = [0, 1].map((axis) => {
    const along = values.filter((_, k) => k % 2 === axis);
    return [along.reduce((a, b) => Math.min(a, b)), along.reduce((a, b) => Math.max(a, b))] as const;
  });
  const half = 0.55 * Math.max(...ends.map(([low, high]) => high - low));
  const [x, y] = ends.map(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half] as const);
  return { x, y };
}

export function pointsOf(data: TrainData): PointData {
  const parts: readonly (readonly [Dataset, number])[] = [
    [data.train, 1],
    [data.heldOut, 0],
  ];
  const list = parts.flatMap(([{ inputs, labels }, isTraining]) =>
    Array.from({ length: inputs.shape[0] }, (_, k) => ({
      x: Number(inputs.data[2 * k]),
      y: Number(inputs.data[2 * k + 1]),
      label: Number(labels.data[k]),
      isTraining,
    })),
  );
  return {
    x: Float32Array.from(list, ({ x }) => x),
    y: Float32Array.from(list, ({ y }) => y),
    label: Uint8Array.from(list, ({ label }) => label),
    isTraining: Uint8Array.from(list, ({ isTraining }) => isTraining),
    classes: data.classes,
    range: rangeOf(data),
  };
}
