// How unevenly the weights of an ONNX model are scaled, as a document and as text.
import { type Imbalance, imbalance } from "isoloss/moves";
import { textTable } from "../experiments/results/table.js";
import type { DiscoveryOfModel } from "./discovery.js";

/** Figures of a model's weights: see `Imbalance`. */
export interface ImbalanceFigures extends Omit<Imbalance, "groups"> {
  readonly groups: readonly {
    readonly size: number;
    readonly factor: number;
    readonly sigma: number;
    readonly parameters: readonly string[];
  }[];
}

/** The figures of a model's own parameters, or of others on the same orbit. */
export function imbalanceFigures(
  { model, found }: DiscoveryOfModel,
  params: DiscoveryOfModel["model"]["params"] = model.params,
): ImbalanceFigures {
  const { groups, ...figures } = imbalance(params, found);
  return {
    groups: groups.map(({ generator: { size, axes }, factor, sigma }) => ({
      size,
      factor,
      sigma,
      parameters: [...new Set(axes.map(({ path }) => path))],
    })),
    ...figures,
  };
}

/** Groups in the text of a command. */
const SHOWN = 12;

/** The most uneven groups in a table. */
export function groupsText({ groups }: ImbalanceFigures): string {
  if (groups.length === 0) {
    return "No group of units can be scaled. Batch normalizations stop scalings: isoloss model fold removes them. So do recurrences; and weights in the branches of an If stay as they are.";
  }
  const unevenness = ({ factor, sigma }: (typeof groups)[number]) => Math.max(Math.log(factor), sigma);
  const sorted = [...groups].sort((a, b) => unevenness(b) - unevenness(a));
  const table = textTable(
    ["weights", "units", "factor", "sigma"],
    sorted
      .slice(0, SHOWN)
      .map(({ size, factor, sigma, parameters: [first, ...others] }) => [
        others.length === 0 ? first : `${first} and ${others.length} more`,
        String(size),
        factor.toPrecision(3),
        sigma.toPrecision(3),
      ]),
  );
  return groups.length > SHOWN ? `${table}\n.. and ${groups.length - SHOWN} more even groups` : table;
}
