// How unevenly the weights of an ONNX model are scaled, as a document and as text.
import { omitBy } from "es-toolkit";
import { type Imbalance, imbalance } from "isoloss/moves";
import { textTable } from "../experiments/results/table.js";
import { type DiscoveryOfModel, type StoppingOperator, stopsAdvice } from "./discovery.js";

/** Figures of a model's weights: see `Imbalance`; null where no group was measured. */
export interface ImbalanceFigures extends Pick<Imbalance, "float16" | "settled" | "advice"> {
  readonly factor: number | null;
  readonly sigma: number | null;
  readonly lostBits: NonNullable<Imbalance["lostBits"]> | null;
  readonly groups: readonly {
    readonly size: number;
    readonly factor: number;
    readonly sigma: number;
    readonly parameters: readonly string[];
  }[];
}

/** The figures of a model's own parameters, or of others on the same orbit. */
export function imbalanceFigures(
  { model, found, bounds }: DiscoveryOfModel,
  params: DiscoveryOfModel["model"]["params"] = model.params,
): ImbalanceFigures {
  // Bounds follow the weights, and are none.
  const weights = omitBy(params, (_, name) => bounds.has(name));
  const scalings = found.scalings.map(({ axes, ...scaling }) => ({
    ...scaling,
    axes: axes.filter(({ path }) => !bounds.has(path)),
  }));
  const {
    groups,
    factor = null,
    sigma = null,
    lostBits = null,
    ...figures
  } = imbalance(weights, { scalings });
  return {
    groups: groups.map(({ generator: { size, axes }, factor, sigma }) => ({
      size,
      factor,
      sigma,
      parameters: [...new Set(axes.map(({ path }) => path))],
    })),
    factor,
    sigma,
    lostBits,
    ...figures,
  };
}

/** Groups in the text of a command. */
const SHOWN = 12;

/** The most uneven groups in a table, and where scalings end. */
export function groupsText(
  { groups }: Pick<ImbalanceFigures, "groups">,
  stops: readonly StoppingOperator[],
): string {
  if (groups.length === 0) return `No group of units can be scaled. ${stopsAdvice(stops)}`;
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
  const rest = groups.length > SHOWN ? [`.. and ${groups.length - SHOWN} more even groups`] : [];
  const ends = stops.length === 0 ? [] : ["", stopsAdvice(stops)];
  return [table, ...rest, ...ends].join("\n");
}
