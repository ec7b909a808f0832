// J. Gilmer et al., "Neural message passing for quantum chemistry", ICML 2017 (messages by edge networks); O. Vinyals et al.,
// "Order matters: sequence to sequence for sets", ICLR 2016 (Set2Set).

import { type Mt19937, type NdArray, type Tensor, type TensorsOf, zeros } from "isoloss";
import { integerFrom, listOf, type OptionsOf, optionTable, resolveInit, text } from "isoloss/internal";
import type { InitOptions, MultiHeadParams } from "isoloss/nn";
import {
  type CellParams,
  gruCell,
  initGruCell,
  initLinear,
  initLstmCell,
  type LinearParams,
  linear,
  lstmCell,
  uniform,
} from "isoloss/nn";
import {
  add,
  concat,
  constant,
  div,
  expandDims,
  fill,
  greater,
  matmul,
  maximum,
  mul,
  relu,
  reshape,
  softmax,
  sub,
  sum,
  transpose,
  where,
} from "isoloss/ops";

export interface MessagePassingOptions extends OptionsOf<typeof messagePassingOptions> {}

const messagePassingOptions = optionTable("messagePassing", {
  /** Names of the tasks: each has a head with one output. */
  tasks: listOf(text("the name of a task"), { least: 1 }).required(),
  /** D: numbers of an atom inside; default 64. */
  width: integerFrom(1).default(64),
  /** H: hidden units of the network that makes a matrix of a pair of atoms; default 128. */
  hidden: integerFrom(1).default(128),
  /** Rounds of messages, and steps of Set2Set; default 3. */
  rounds: integerFrom(1).default(3),
});

/** Numbers of an atom and of a pair, see `moleculeBatch`. */
const features = { atom: 11, pair: 5 };

/** The trunk, under the names of PyTorch Geometric's example for QM9. */
export interface MessagePassingParams {
  readonly lin0: LinearParams;
  /** Of a pair of atoms: 5 to H, ReLU, H to D D. */
  readonly nn: readonly [LinearParams, LinearParams];
  /** Of the atom itself, without a bias, and the bias of the sum [D]. */
  readonly root: LinearParams;
  readonly bias: NdArray;
  readonly gru: CellParams;
  readonly lstm: CellParams;
  readonly lin1: LinearParams;
}

/** Molecules as `moleculeBatch` makes them. */
export interface MoleculeTensors {
  readonly atoms: Tensor;
  readonly pairs: Tensor;
  readonly mask: Tensor;
}

/** A model without state of several tasks on molecules. */
export interface MessagePassingModel {
  init(rng: Mt19937, options?: InitOptions): MultiHeadParams<MessagePassingParams, LinearParams>;
  /** The representation of each molecule, [molecules, D]. Traced. */
  trunk(shared: TensorsOf<MessagePassingParams>, molecules: MoleculeTensors): Tensor;
  /** The number of each molecule by task, [molecules, 1]. Traced. */
  apply(
    params: TensorsOf<MultiHeadParams<MessagePassingParams, LinearParams>>,
    molecules: MoleculeTensors,
    context?: { readonly representation?: Tensor | undefined },
  ): Readonly<Record<string, Tensor>>;
}

/**
 * A message passing network for molecules, of whose atoms all pairs exchange messages.
 *
 * x = relu(lin0 atoms), h = x; in each round m_i = relu(R x_i + b + mean over j != i of x_j' Theta(e_ij)), x = h = GRU(m, h),
 * Theta(e) = L2 relu(L1 e + c1) + c2 as [D, D]; q = Set2Set(x) [2 D]; z = relu(lin1 q); each head is a linear layer of z
 *
 * No matrix Theta(e_ij) is made: x_j' Theta(e_ij) is the product of relu(L1 e_ij + c1) with x_j L2, which all i share. With the
 * default widths and 11 tasks it has 617,675 parameters. Places without an atom count nowhere; a molecule without atoms has the
 * representation of an empty set.
 *
 * @throws OptionError
 *
 * @example
 * const model = messagePassing({ tasks: ["mu", "alpha"] });
 * const { mu, alpha } = model.apply(params, batch); // [8, 1] each, for 8 molecules
 */
export function messagePassing(options: MessagePassingOptions): MessagePassingModel {
  const { tasks, width: D, hidden: H, rounds } = messagePassingOptions.read(options);
  return {
    init(rng, initOptions = {}) {
      const { dtype = "float32" } = resolveInit("messagePassing", initOptions);
      const bound = 1 / Math.sqrt(D);
      const shared: MessagePassingParams = {
        lin0: initLinear(rng, features.atom, D, { dtype }),
        nn: [initLinear(rng, features.pair, H, { dtype }), initLinear(rng, H, D * D, { dtype })],
        root: { weight: uniform(rng, [D, D], { from: -bound, to: bound, dtype }) },
        bias: zeros([D], dtype),
        gru: initGruCell(rng, D, D, { dtype }),
        lstm: initLstmCell(rng, 2 * D, D, { dtype }),
        lin1: initLinear(rng, 2 * D, D, { dtype }),
      };
      const heads = tasks.map((task) => [task, initLinear(rng, D, 1, { dtype })]);
      return { shared, heads: Object.fromEntries(heads) };
    },
    trunk(shared, molecules) {
      const messages = messagesOf(shared, molecules);
      let x = relu(linear(molecules.atoms, shared.lin0));
      for (let round = 0; round < rounds; round++) {
        const own = add(linear(x, shared.root), shared.bias);
        x = gruCell(relu(add(own, messages(x))), x, shared.gru);
      }
      return relu(linear(set2Set(x, molecules.mask, shared.lstm, rounds), shared.lin1));
    },
    apply(params, molecules, { representation } = {}) {
      const z = representation ?? this.trunk(params.shared, molecules);
      const outputs = tasks.map((task) => [task, linear(z, params.heads[task] as TensorsOf<LinearParams>)]);
      return Object.fromEntries(outputs);
    },
  };
}

/** x -> the mean over the other atoms j of x_j' Theta(e_ij), [molecules, atoms, D]. */
function messagesOf(
  { nn: [first, second] }: TensorsOf<MessagePassingParams>,
  { pairs, mask }: MoleculeTensors,
): (x: Tensor) => Tensor {
  const [B, N] = mask.shape;
  const H = first.weight.shape[0];
  const D = Math.sqrt(second.weight.shape[0]);
  const others = constant(
    { shape: [N, N], data: Float64Array.from({ length: N * N }, (_, k) => (k % (N + 1) === 0 ? 0 : 1)) },
    mask.dtype,
  );
  // [B, N, N]: pairs of different atoms.
  const isPair = mul(mul(expandDims(mask, 2), expandDims(mask, 1)), others);
  const hidden = mul(relu(linear(pairs, first)), expandDims(isPair, 3));
  const A = reshape(hidden, [B, N, N * H]);
  // L2 [(d, o), h] as [d, (h, o)].
  const L2 = reshape(transpose(reshape(second.weight, [D, D, H]), [0, 2, 1]), [D, H * D]);
  const C2 = reshape(second.bias as Tensor, [D, D]);
  const count = reshape(maximum(sub(sum(mask, { axes: [1] }), 1), 1), [B, 1, 1]);
  return (x) => {
    const Y = reshape(matmul(x, L2), [B, N * H, D]);
    return div(add(matmul(A, Y), matmul(isPair, matmul(x, C2))), count);
  };
}

/** [q, r] after some steps of an LSTM q that reads r = the atoms weighted by softmax(x q), [molecules, 2 D]. */
function set2Set(x: Tensor, mask: Tensor, lstm: TensorsOf<CellParams>, steps: number): Tensor {
  const [B, N, D] = x.shape;
  const isAtom = greater(mask, 0);
  const nothing = fill([B, D], 0, x.dtype);
  let state = { h: nothing, c: nothing };
  let read = fill([B, 2 * D], 0, x.dtype);
  for (let step = 0; step < steps; step++) {
    state = lstmCell(read, state, lstm);
    const scores = reshape(matmul(x, expandDims(state.h, 2)), [B, N]);
    const weights = mul(softmax(where(isAtom, scores, -1e30)), mask);
    const r = reshape(matmul(expandDims(weights, 1), x), [B, D]);
    read = concat([state.h, r], { axis: 1 });
  }
  return read;
}
