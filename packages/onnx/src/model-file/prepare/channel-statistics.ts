import type { RuntimeName, Tensor } from "isoloss";
import { reduce } from "isoloss/internal";
import type { NamedValues } from "../compare/random-inputs.js";
import { outputsOf } from "../compare/run-model.js";
import { GraphEditor } from "../edit/graph-editor.js";
import { imported, type OnnxFile } from "../edit/onnx-file.js";

/** Mean and variance of a value's channels over batch and places. */
export interface ChannelStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Statistics of values inside a model with channels on axis 1, over batches whose examples have the same shapes. */
export async function channelStatistics(
  file: OnnxFile,
  values: readonly string[],
  batches: readonly NamedValues[],
  runtime: RuntimeName,
): Promise<readonly ChannelStatistics[]> {
  if (values.length === 0) return [];
  const model = imported(withOutputs(file, values), { outputs: values });
  const after = (results: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(
      values.flatMap((value, k) => {
        const axes = results[value].shape.flatMap((_, d) => (d === 1 ? [] : [d]));
        return [
          [`mean${k}`, reduce.mean(results[value], { axes })],
          [`variance${k}`, reduce.variance(results[value], { axes })],
        ];
      }),
    );
  const runs = await outputsOf(model, batches, { runtime, after });
  const counts = batches.map((batch) => batch[model.inputs[0].name].shape[0] ?? 1);
  const total = counts.reduce((a, b) => a + b, 0);
  return values.map((_, k) =>
    pooled(
      runs.map((run, i) => ({
        ...{ mean: run[`mean${k}`].data, variance: run[`variance${k}`].data },
        share: counts[i] / total,
      })),
    ),
  );
}

/** The file with values inside it as outputs. */
function withOutputs(file: OnnxFile, values: readonly string[]): OnnxFile {
  const editor = new GraphEditor("restoreBatchNorm", file);
  for (const value of values) if (!editor.isOutput(value)) editor.addOutput(value);
  return editor.finish();
}

type Numbers = NamedValues[string]["data"];

/** Mean and variance over parts: var = E[var + mean^2] - E[mean]^2, about the first mean for accuracy. */
function pooled(
  parts: readonly { readonly mean: Numbers; readonly variance: Numbers; readonly share: number }[],
): ChannelStatistics {
  const [{ mean: origin }] = parts;
  const mean = new Float64Array(origin.length);
  const variance = new Float64Array(origin.length);
  for (let c = 0; c < origin.length; c++) {
    let [first, second] = [0, 0];
    for (const part of parts) {
      const offset = Number(part.mean[c]) - Number(origin[c]);
      first += offset * part.share;
      second += (offset ** 2 + Number(part.variance[c])) * part.share;
    }
    mean[c] = Number(origin[c]) + first;
    variance[c] = Math.max(second - first ** 2, 0);
  }
  return { mean, variance };
}
