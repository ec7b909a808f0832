// A model from another program: read from an .onnx file, teleported on data, written back as an .onnx file.
import { mkdir, readFile } from "node:fs/promises";
import {
  createTeleporter,
  crossEntropy,
  digits,
  item,
  jit,
  mlp,
  namedArrays,
  spec,
  symmetriesOf,
  takeRows,
  toOnnx,
  torchGenerator,
  trace,
} from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import { fromOnnx } from "isoloss-onnx";

// In the place of an export from PyTorch: torch.onnx.export(model.eval(), x, "model.onnx").
const own = mlp({ sizes: [64, 16, 10] });
const { params: weights } = own.init(torchGenerator(0));
const forward = trace(({ net, image }) => ({ logits: own.apply(net, image).output }), {
  net: weights,
  image: spec([32, 64]),
});
await mkdir("out", { recursive: true });
await writeFileAtomic("out/model.onnx", toOnnx(forward.graph, { constants: namedArrays({ net: weights }) }));

// From here on nothing is known of the model but its file.
const model = fromOnnx(await readFile("out/model.onnx"));
const loss = (p, { image, y }) => crossEntropy(model.apply(p, { image }).logits, y);
const { images, labels } = digits();
const rows = Array.from({ length: 32 }, (_, i) => i);
const batch = { image: takeRows(images, rows), y: takeRows(labels, rows) };
const { scaling, permutations } = symmetriesOf(loss, model.params, batch);
console.log(`found: ${scaling.name} and ${permutations.name}`);

const teleporter = await createTeleporter({ symmetry: scaling, loss, params: model.params, batch });
const { params, report } = await teleporter.teleport(model.params, batch);
const gain = report.gradNormSqAfter / report.gradNormSqBefore;
console.log(`||grad L||^2 times ${gain.toFixed(2)}, drift below 1e-4: ${report.drift < 1e-4}`);

const moved = trace(({ p, image }) => model.apply(p, { image }), { p: params, image: spec([32, 64]) });
await writeFileAtomic("out/moved.onnx", toOnnx(moved.graph, { constants: namedArrays({ p: params }) }));
const again = fromOnnx(await readFile("out/moved.onnx"));
const lossOf = async (m) => {
  const f = await jit((p, b) => crossEntropy(m.apply(p, { image: b.image }).logits, b.y), [m.params, batch]);
  return item(await f(m.params, batch));
};
const [before, after] = [await lossOf(model), await lossOf(again)];
console.log(`the same loss from both files: ${Math.abs(after / before - 1) < 1e-4}`);
await teleporter.dispose();
