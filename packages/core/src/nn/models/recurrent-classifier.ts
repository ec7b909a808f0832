// Layers stacked and read in both directions as in torch.nn.GRU and torch.nn.LSTM.
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { flag, integerFrom, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { type EmbeddingParams, embedding, initEmbedding } from "../embedding.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { resolveInit, type StatelessModel } from "../model.js";
import { gru, lstm } from "../recurrent.js";
import { type CellParams, initGruCell, initLstmCell } from "../recurrent-cells.js";
import { requireSequences } from "./sequences.js";

export interface RecurrentClassifierOptions extends OptionsOf<typeof recurrentClassifierOptions> {}

const recurrentClassifierOptions = optionTable("recurrentClassifier", {
  /** Default `gru`. */
  cell: oneOf(["gru", "lstm"]).default("gru"),
  /** Numbers of an element, or the size of its embedding; default 8. */
  inputs: integerFrom(1).default(8),
  /** Different tokens, if elements are such: integers below it, each with an embedding; default 0: elements are vectors. */
  tokens: integerFrom(0).default(0),
  /** Hidden values of a layer and direction; default 32. */
  width: integerFrom(1).default(32),
  /** Default 1. */
  layers: integerFrom(1).default(1),
  /** Whether each layer reads its sequence from its end, too; default false. */
  bidirectional: flag.default(false),
  /** Default 10. */
  classes: integerFrom(1).default(10),
  /** Whether each element gets its class (tagging), or the whole sequence one; default false. */
  perElement: flag.default(false),
});

/** The directions of a layer. */
export interface RecurrentLayerParams {
  readonly forward: CellParams;
  readonly backward?: CellParams | undefined;
}

export interface RecurrentClassifierParams {
  readonly embedding?: EmbeddingParams | undefined;
  readonly layers: readonly RecurrentLayerParams[];
  readonly linear: LinearParams;
}

/**
 * Recurrent layers and a linear layer on their last hidden values, or on those after each element. Each further layer reads
 * the hidden values of the one before it, of both directions if there are two.
 *
 * Sequences [batch, length, inputs], or int64 tokens [batch, length]; outputs [batch, classes], or [batch, length, classes].
 *
 * @throws OptionError for an unknown option or a value out of its range
 *
 * @example
 * const model = recurrentClassifier({ cell: "lstm", tokens: 50, layers: 2, bidirectional: true, perElement: true });
 * const { params } = model.init(torchGenerator(0));
 * const { graph } = trace((p, x) => model.apply(p, x).output, [params, spec([4, 20], "int64")]); // -> [4, 20, 10]
 */
export function recurrentClassifier(
  options: RecurrentClassifierOptions = {},
): StatelessModel<RecurrentClassifierParams> {
  const { cell, inputs, tokens, width, layers, bidirectional, classes, perElement } =
    recurrentClassifierOptions.read(options);
  const initCell = cell === "gru" ? initGruCell : initLstmCell;
  const along = cell === "gru" ? gru : lstm;
  const directions = bidirectional ? 2 : 1;
  return {
    init(rng: Mt19937, initOptions = {}) {
      const { dtype } = resolveInit("recurrentClassifier", initOptions);
      const table = tokens > 0 ? { embedding: initEmbedding(rng, tokens, inputs, { dtype }) } : {};
      const stack = Array.from({ length: layers }, (_, k) => {
        const draw = () => initCell(rng, k === 0 ? inputs : directions * width, width, { dtype });
        return { forward: draw(), ...(bidirectional ? { backward: draw() } : {}) };
      });
      const head = initLinear(rng, directions * width, classes, { dtype });
      return { params: { ...table, layers: stack, linear: head }, state: {} };
    },
    apply(params, x) {
      requireSequences("recurrentClassifier", x, { inputs, tokens });
      let h = params.embedding ? embedding(x, params.embedding) : x;
      let last: Tensor = h;
      for (const layer of params.layers) [h, last] = applyLayer(layer, h, along);
      return { output: linear(perElement ? h : last, params.linear), state: {} };
    },
  };
}

/** Hidden values after each element, and the last ones of each direction: [batch, length, D] and [batch, D]. */
function applyLayer(
  { forward, backward }: TensorsOf<RecurrentLayerParams>,
  x: Tensor,
  along: typeof gru,
): [Tensor, Tensor] {
  const one = along(x, forward);
  if (!backward) return [one.output, one.h];
  const other = along(x, backward, { reverse: true });
  return [concat([one.output, other.output], { axis: 2 }), concat([one.h, other.h], { axis: 1 })];
}
