import { resolve } from "node:path";
import { omitBy } from "es-toolkit";
import { type Imbalance, imbalance as imbalanceOf } from "isoloss/moves";
import { type Columns, firstOf, tableText } from "../../experiments/results/table.js";
import { readModelFile } from "../../formats/read-model.js";
import {
  type DiscoveryOfModel,
  discoveryOf,
  type StoppingOperator,
  stopsAdvice,
} from "../../model/discovery.js";
import { type Sizes, sizeOption } from "../../model/sizes.js";
import { json, type Values } from "../../option-rows.js";
import type { Result } from "../command.js";

const options = { size: sizeOption, json: json() };

const help = `Each line is a group of units whose weights can be scaled without changing what the model computes: "factor" is by how much
the weights on one side would shrink and those on the other grow where their norms are balanced, "sigma" the standard
deviation of its logarithm over the units. isoloss model balance does it.

The bounds of Clip are scaled with what passes them, one for each channel, and are not measured. Operators at which scalings end
are named.

The document of --json: file, sizes, stops [{operator, nodes}], groups [{size, factor, sigma, parameters}], factor and sigma
(the largest), lostBits {now, balanced}, float16 {now, balanced {numbers, overflows, subnormals}}, settled,
advice.

Example:
  isoloss model imbalance model.onnx`;

/** The document of `isoloss model imbalance --json`. */
export interface ImbalanceOfModel extends ImbalanceFigures {
  readonly file: string;
  /** Of open axes, with which it was traced. */
  readonly sizes: Sizes;
  /** Operators at which scalings end, as in symmetries. */
  readonly stops: readonly StoppingOperator[];
}

/** `isoloss model imbalance`: how unevenly a model's weights are scaled, and whether that matters. */
async function run(path: string, { size }: Values<typeof options>): Promise<Result> {
  const discovery = discoveryOf(await readModelFile(path), { sizes: size });
  const figures = imbalanceFigures(discovery);
  const stops = discovery.stops();
  const document: ImbalanceOfModel = { file: resolve(path), sizes: discovery.sizes, stops, ...figures };
  return { document, text: [groupsText(figures, stops), figures.advice] };
}

export const imbalance = { options, help, run };

/** Figures of a model's weights: see `Imbalance`; null where no group was measured. */
export interface ImbalanceFigures extends Pick<Imbalance, "float16" | "settled" | "advice"> {
  /** The largest of the groups; null without groups. */
  readonly factor: number | null;
  readonly sigma: number | null;
  /** Of a quantizer with one scale for a tensor, in the weights of the groups; null without groups. */
  readonly lostBits: NonNullable<Imbalance["lostBits"]> | null;
  readonly groups: readonly {
    /** Units. */
    readonly size: number;
    /** Exp of the mean logarithm by which units are scaled where their norms are balanced, above 1. */
    readonly factor: number;
    /** Standard deviation of these logarithms. */
    readonly sigma: number;
    /** That are scaled. */
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
  } = imbalanceOf(weights, { scalings });
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

const columns: Columns<ImbalanceFigures["groups"][number]> = [
  ["weights", ({ parameters }) => firstOf(parameters)],
  ["units", ({ size }) => String(size)],
  ["factor", ({ factor }) => factor.toPrecision(3)],
  ["sigma", ({ sigma }) => sigma.toPrecision(3)],
];

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
  const table = tableText(columns, sorted.slice(0, SHOWN));
  const rest = groups.length > SHOWN ? [`.. and ${groups.length - SHOWN} more even groups`] : [];
  const ends = stops.length === 0 ? [] : ["", stopsAdvice(stops)];
  return [table, ...rest, ...ends].join("\n");
}
