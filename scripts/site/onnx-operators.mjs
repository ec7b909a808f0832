// The page of the ONNX operators: those that the program reads, with the recorded outcomes of ONNX's conformance suite.
import { readFileSync } from "node:fs";
import { load, tableOf } from "./program.mjs";

/** What a user of an operator has to know, by its name. */
const remarks = {
  BatchNormalization: "in training mode by the statistics of the batch, which are differentiated",
  BitShift: "integers are exact up to 2^53",
  BitwiseNot: "not of uint64",
  Cast: "not from or to strings and complex numbers, not to floats of 8 bits; narrow integers wrap around, 16-bit floats round",
  Compress: "the condition must be known while the model is traced",
  ConstantOfShape: "the shape must be known while the model is traced",
  DequantizeLinear: "passes gradients on to the QuantizeLinear before it",
  Det: "by elimination with pivots",
  Dropout: "drops nothing: refused in training mode, unless the ratio is 0",
  DynamicQuantizeLinear: "passes gradients on like QuantizeLinear",
  Loop: "for stacked results its count or end, for derivatives a limit of its count, must be known while it is traced",
  NonMaxSuppression: "boxes and scores must be known while the model is traced",
  NonZero: "the operand must be known while the model is traced",
  QLinearConv: "not differentiated in its integers; passes gradients on to its scale",
  QLinearMatMul: "not differentiated in its integers; passes gradients on to its scale",
  QuantizeLinear:
    "gradients pass through the rounding to a DequantizeLinear right after it; not to floats of 8 bits",
  Range: "bounds must be known while the model is traced",
  Reshape: "the shape must be known while the model is traced",
  Resize: "sizes and scales must be known while the model is traced",
  Tile: "repeats must be known while the model is traced",
  Unique: "the operand must be known while the model is traced",
  ImageDecoder: "no decoders of images are built in",
  TfIdfVectorizer: "made for text",
  SimplifiedLayerNormalization: "of ONNX Runtime, in the standard's domain",
  "com.microsoft.Attention": "not with rotary embeddings of its own or a shared buffer",
  "com.microsoft.GatherBlockQuantized": "the table must be stored in the file; its scales are differentiated",
  "com.microsoft.GroupQueryAttention":
    "total_sequence_length must be known while the model is traced; not with quantized or sliding caches, or norms of its own",
  "com.microsoft.MatMulNBits": "weights must be stored in the file; their scales are differentiated",
  "com.microsoft.MultiHeadAttention": "not with packed queries, keys and values, or a shared buffer",
  "ai.onnx.preview.training.Adam": "a step of an optimizer as a graph",
  "ai.onnx.preview.training.Adagrad": "a step of an optimizer as a graph",
  "ai.onnx.preview.training.Momentum": "a step of an optimizer as a graph",
  "ai.onnx.preview.training.Gradient": "differentiate the model with `grad`",
};

const { operators } = await load("/packages/onnx/src/import/operators/operators.ts");
/** What conformance.long.test.ts recorded, and compares. */
const record = JSON.parse(
  readFileSync(
    new URL("../../packages/onnx/test/import/conformance/recorded/outcomes.json", import.meta.url),
  ),
);

const head = [
  "operator",
  "operator sets",
  "agree in JavaScript",
  "agree in ONNX Runtime",
  "refused",
  "derivative",
  "remark",
];

function rowOf(name) {
  const outcome = record.operators[name];
  if (outcome === undefined) return [`\`${name}\``, "", "", "", "", "", remarks[name] ?? ""];
  const { sets, javascript, onnx, refused, isDifferentiable } = outcome;
  return [
    `\`${name}\``,
    [...new Set(sets)].join(" to "),
    javascript,
    onnx,
    refused || "",
    isDifferentiable ? "yes" : "no",
    remarks[name] ?? "",
  ];
}

/** The page of the operators. */
export function operatorPage() {
  const kinds = Object.keys(record.javascript);
  const total = kinds.reduce((sum, kind) => sum + record.javascript[kind], 0);
  const excluded = Object.entries(record.excluded).sort((a, b) => b[1] - a[1]);
  const others = Object.keys(record.operators).filter((name) => !operators.has(name));
  return `# ONNX operators

What \`fromOnnx\` reads, beside the outcomes of ONNX's conformance suite: models of one or few operators, with inputs and results. Each is read, traced and run as a user's model is, and its results are compared with the suite's.

${tableOf(
  [`${total} cases`, "JavaScript", "ONNX Runtime"],
  kinds.map((kind) => [kind, record.javascript[kind], record.onnx[kind]]),
)}

${excluded.reduce((sum, [, count]) => sum + count, 0)} other cases say nothing about numbers, or not the right ones:

${excluded.map(([why, count]) => `- ${count}: ${why}`).join("\n")}

## Read

\`operator sets\`: the versions in the suite's cases; versions before and between them are read, too, unless the remark says otherwise. \`agree\`: how many of the cases in which the operator occurs give the suite's numbers. \`refused\`: how many of its own raise an error that says why. \`derivative\`: whether results depend on float operands in a way that is differentiated. Operators without numbers, such as those of \`com.microsoft\`, do not occur in the suite; they are tested against ONNX Runtime or by hand.

${tableOf(head, [...operators.keys()].sort().map(rowOf))}

Refused among them:

${record.refused.map((name) => `- \`${name}\``).join("\n")}

## Not read

${tableOf(head, others.map(rowOf))}
`;
}
