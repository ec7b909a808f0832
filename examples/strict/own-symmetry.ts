// A group of your own: L = (a b - 3)^2 is kept by a -> e^t a, b -> e^-t b.
import {
  array,
  createTeleporter,
  defineSymmetry,
  item,
  type NdArray,
  type Shape,
  type Tensor,
} from "isoloss";
import { div, exp, mul, neg, square, sub } from "isoloss/ops";
import { minimized } from "isoloss/teleport";

interface Pair {
  readonly a: NdArray;
  readonly b: NdArray;
}

const symmetry = defineSymmetry<Pair, [Shape]>({
  name: "product kept",
  paths: ["a", "b"],
  exact: "everywhere",
  algebra: [[]],
  bound: { kind: "element", value: 0.5 },
  derivative: ({ a, b }, [t]) => ({ a: mul(t, a), b: neg(mul(t, b)) }),
  trace: ({ a, b }, [t]) => ({ a: mul(exp(t), a), b: div(b, exp(t)) }),
  inverse: ([t]) => [array(-item(t), "float64")],
});

const loss = ({ a, b }: { a: Tensor; b: Tensor }) => square(sub(mul(a, b), 3));
const params: Pair = { a: array(1, "float64"), b: array(2, "float64") };
const teleporter = await createTeleporter({ symmetry, loss, params, batch: {}, guard: undefined });
const { params: moved, report } = await teleporter.teleport(params, {});
console.log(report.accepted, item(moved.a).toFixed(3), item(moved.b).toFixed(3));
await teleporter.dispose();

// An objective of your own: small weights.
const small = await createTeleporter({
  symmetry,
  loss,
  params,
  batch: {},
  objective: minimized(
    () =>
      ({ a, b }: { a: Tensor; b: Tensor }) =>
        mul(square(a), square(b)),
  ),
});
await small.dispose();
