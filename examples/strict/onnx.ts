// A model to an .onnx file, and back as one that can be differentiated.
import {
  array,
  crossEntropy,
  jit,
  mlp,
  namedArrays,
  spec,
  symmetriesOf,
  toOnnx,
  torchGenerator,
  trace,
  valueAndGrad,
  zeros,
} from "isoloss";
import { fromOnnx } from "isoloss-onnx";

const own = mlp({ sizes: [4, 6, 3], activation: "relu" });
const { params } = own.init(torchGenerator(0));
const { graph } = trace(({ net, x }) => ({ logits: own.apply(net, x).output }), {
  net: params,
  x: spec([8, 4]),
});
const bytes = toOnnx(graph, { constants: namedArrays({ net: params }), metadata: undefined });

const model = fromOnnx(bytes, { outputs: ["logits"] });
const batch = { x: zeros([8, 4]), y: array([0, 1, 2, 0, 1, 2, 0, 1], "int64") };
const { scaling } = symmetriesOf(
  (p, { x, y }) => crossEntropy(model.apply(p, { x }).logits, y),
  model.params,
  batch,
);
console.log(scaling?.name);

const step = await jit(
  ({ p, data }) => {
    const [loss, gradient] = valueAndGrad((q: typeof p) =>
      crossEntropy(model.apply(q, { x: data.x }).logits, data.y),
    )(p);
    return { loss, gradient };
  },
  { p: model.params, data: batch },
);
const { loss, gradient } = await step({ data: batch, p: model.params });
console.log(loss.shape.length, Object.keys(gradient).length);
await step.dispose();
