import { decodeModel } from "isoloss/onnx";
import { foldBatchNorm, restoreBatchNorm } from "isoloss-onnx";
import { fileNames, fileOf, networkOf } from "./file.js";
import { type Change, firstExamples } from "./network.js";

/** Folds batch norms into the layers before them, as exporters do. */
export const fold: Change = {
  isMove: false,
  apply: (network, { data }) => networkOf(foldBatchNorm(fileOf(network, data)).bytes),
};

/** Puts batch norms after all convolutions, with the same function. */
export const restore = (examples: number): Change => ({
  isMove: true,
  async apply(network, { data }) {
    const file = fileOf(network, data);
    const { x } = firstExamples(data, examples);
    const { bytes } = await restoreBatchNorm(
      file,
      { [fileNames.input]: x },
      { layers: convolutionsOf(file) },
    );
    return networkOf(bytes);
  },
});

/** Which values of a file are results of convolutions: pooling may stand between them and their activation. */
function convolutionsOf(file: Uint8Array): (result: string) => boolean {
  const { nodes } = decodeModel(file).graph;
  const results = new Set(nodes.flatMap(({ opType, outputs }) => (opType === "Conv" ? outputs : [])));
  const sums = nodes.filter(
    ({ opType, inputs }) => opType === "Add" && inputs.some((name) => results.has(name)),
  );
  return (result) => results.has(result) || sums.some(({ outputs }) => outputs.includes(result));
}
