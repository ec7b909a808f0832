import type { Graph } from "../../../graph/graph.js";
import type { ParameterRef } from "../layout.js";
import { separateChannels } from "./average-pooling.js";
import { nameDots } from "./dots.js";
import { splitJoins } from "./joins.js";
import { separateParts } from "./parts.js";
import { nameUnpoolings } from "./unpooling.js";
import { unrolled } from "./unroll.js";

/**
 * A graph of the same function whose axes show more: steps of loops, parts of parameters, joined values, pooled channels,
 * inner products.
 */
export const prepare = (
  graph: Graph,
  parameters: readonly ParameterRef[],
): { graph: Graph; parameters: readonly ParameterRef[] } =>
  separateParts(splitJoins(separateChannels(nameDots(nameUnpoolings(unrolled(graph))))), parameters);
