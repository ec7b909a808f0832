import { type BatchLoss, type Model, type Symmetries, symmetriesOf, takeRows } from "isoloss";
import type { Tree } from "../problems.js";
import { lossOf, type RunData } from "../run-data.js";

export interface Network {
  readonly model: Model<Tree, Tree>;
  readonly params: Tree;
  readonly state: Tree;
  /** The file that the model was read from. */
  readonly file?: Uint8Array;
  /** 0 where weights stay zero. */
  readonly mask?: Tree;
  /** The change since which the model rounds its weights. */
  readonly rounding?: "quantize" | "quantizeFile";
}

export interface ChangeContext {
  readonly seed: number;
  /** What the network is trained on next. */
  readonly data: RunData;
}

/** Something that happens to a network before its training goes on. */
export interface Change {
  /** Whether it keeps the function for the sake of what follows: its time then belongs to the run. */
  readonly isMove: boolean;
  apply(network: Network, context: ChangeContext): Promise<Network> | Network;
}

export function firstExamples({ train }: RunData, count: number) {
  const rows = Int32Array.from({ length: Math.min(count, train.inputs.shape[0]) }, (_, i) => i);
  return { x: takeRows(train.inputs, rows), y: takeRows(train.labels, rows) };
}

export function networkSymmetries({ model, params, state }: Network, data: RunData): Symmetries<Tree> {
  const loss: BatchLoss<Tree> = (p, { x, y }) =>
    lossOf(data.train)(model.apply(p, x, { state: state as never }).output, y);
  return symmetriesOf(loss, params, firstExamples(data, 2));
}
