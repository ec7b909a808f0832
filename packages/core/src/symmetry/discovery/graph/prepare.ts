import type { Graph } from "../../../graph/graph.js";
import type { ParameterRef } from "../layout.js";
import { separateChannels } from "./average-pooling.js";
import { splitJoins } from "./joins.js";
import { separateParts } from "./parts.js";
import { nameUnpoolings } from "./unpooling.js";

/** A graph of the same function whose axes show more: of parameters in parts, of joined values, of pooled channels. */
export const prepare = (
  graph: Graph,
  parameters: readonly ParameterRef[],
): { graph: Graph; parameters: readonly ParameterRef[] } =>
  separateParts(splitJoins(separateChannels(nameUnpoolings(graph))), parameters);
