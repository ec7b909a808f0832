import type { Tensor } from "isoloss";
import type { Reduction } from "isoloss/internal";
import { nllLoss } from "isoloss/nn";
import { logSoftmax } from "isoloss/ops";
import type { Call, Operator } from "../call.js";

/** The axis of the classes: [batch, classes, ...]. */
const axis = 1;

/** -log p[label] of log-probabilities, weighted by the labels' classes. */
function labelLoss(call: Call, logProbabilities: Tensor): Tensor {
  const reduction = call.text("reduction", "mean");
  if (!isReduction(reduction))
    return call.fail(`the reduction must be mean, sum or none; it is ${reduction}`);
  return nllLoss(logProbabilities, call.tensor(1), {
    axis,
    reduction,
    ignoreIndex: call.attribute("ignore_index", "int"),
    weights: call.has(2) ? call.tensor(2) : undefined,
  });
}

const isReduction = (name: string): name is Reduction => ["mean", "sum", "none"].includes(name);

function softmaxCrossEntropy(call: Call): readonly Tensor[] {
  const logProbabilities = logSoftmax(call.tensor(0), { axis });
  return [labelLoss(call, logProbabilities), logProbabilities];
}

export const losses: Readonly<Record<string, Operator>> = {
  NegativeLogLikelihoodLoss: (call) => labelLoss(call, call.tensor(0)),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
