import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
const root=process.argv[2];
const i=(p)=>import(root+"/"+p);
const { runnerImport } = await import(root+"/node_modules/vite/dist/node/index.js");
const { sources } = await i("scripts/entries.js");
const { signed } = await i("bench/formula.mjs");
const { symmetriesOf } = await import("isoloss");
const { balanced } = await import("isoloss/moves");
const { foldBatchNorm, fromOnnx, liftBounds, withParams } = await import("isoloss-onnx");
const { module } = await runnerImport(root+"/packages/onnx/test/model-file/mobilenet.ts", { resolve: { alias: { "#ort": sources["#ort"] } } });
const bytes=module.mobileNetV2();
for (const by of ["norm","range"]) {
const { bytes: lifted } = liftBounds(foldBatchNorm(bytes).bytes);
const model = fromOnnx(lifted);
const { found } = symmetriesOf((p, batch) => model.apply(p, batch).y, model.params, {x: signed([1,3,224,224],1000)});
const out=withParams(lifted, await balanced(model.params, found, { by }));
console.log(root, by, createHash("sha256").update(out).digest("hex").slice(0,20));
}
