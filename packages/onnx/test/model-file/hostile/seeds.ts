// Whole models, of which others are made by damaging them.
import { array, spec, toOnnx, trace } from "isoloss";
import { constant, matmul, relu } from "isoloss/ops";
import { smallNetwork } from "isoloss-test-support/model-file/builder";
import { fileOf } from "isoloss-test-support/nn/onnx/support";
import { readGolden } from "isoloss-test-support/nn/support";
import { attentionCases } from "../../import/attention-cases.js";
import { conformanceCases, isInstalled } from "../../import/conformance/cases.js";
import { indexCases, searchCases } from "../../import/index-cases.js";
import { normCases, trainingCases } from "../../import/norm-cases.js";
import { numberCases, smoothCases } from "../../import/number-cases.js";
import type { Case } from "../../import/operator-case.js";
import { recurrentCases } from "../../import/recurrent-cases.js";
import { resizeCases } from "../../import/resize-cases.js";
import { samplingCases } from "../../import/sampling-cases.js";
import { sequenceModels } from "../../import/sequence-models.js";
import { windowCases } from "../../import/window-cases.js";
import { randomFile } from "../random-file.js";

function exported(): Uint8Array {
  const weight = array([
    [1, 2],
    [3, 4],
  ]);
  return toOnnx(trace(({ x }) => relu(matmul(x, constant(weight))), { x: spec([3, 2]) }).graph);
}

const golden = (): Uint8Array[] =>
  readGolden<{ models: { file: string }[] }>("onnx-models.json").models.map(({ file }) =>
    Uint8Array.from(Buffer.from(file, "base64")),
  );

/** Two files of each operator of the tables by which operators are tested. */
function operatorFiles(): Uint8Array[] {
  const tables: readonly Readonly<Record<string, readonly Case[]>>[] = [
    attentionCases,
    indexCases,
    searchCases,
    normCases,
    trainingCases,
    numberCases,
    smoothCases,
    recurrentCases,
    resizeCases,
    samplingCases,
    windowCases,
  ];
  return tables
    .flatMap((table) => Object.values(table))
    .flatMap((cases) => cases.slice(0, 2))
    .map(({ node, ...file }) =>
      fileOf({ ...file, nodes: [node], outputs: node.outputs.filter((name) => name !== "") }),
    );
}

const sequenceFiles = (): Uint8Array[] =>
  Object.values(sequenceModels).flatMap((files) => files.slice(0, 1).map(fileOf));

/** A third of the standard's conformance suite, where it is installed. */
const suite = (): Uint8Array[] =>
  isInstalled
    ? conformanceCases().flatMap(({ bytes }, i) => (i % 3 === 0 && bytes.length < 20_000 ? [bytes] : []))
    : [];

/** Networks count several times: most of a damaged network is still whole, and goes far. */
export function seedFiles(): Uint8Array[] {
  const networks = [0, 1, 2, 3].map(randomFile).concat(smallNetwork(), exported(), golden());
  return [
    ...Array<Uint8Array[]>(6).fill(networks).flat(),
    ...operatorFiles(),
    ...sequenceFiles(),
    ...suite(),
  ];
}
