import { channelRanges, channelRangesWidth, type LayerRanges, svgText } from "isoloss-figures";
import type { ReportSection } from "../../run/report-html.js";
import { layerWeights } from "./layer-weights.js";
import { rowNames } from "./row-names.js";
import { FIGURE_WIDTH, onPage } from "./write-page.js";

/** Layers that the figure shows. */
const SHOWN = 16;

/** The ranges of the channels of two files with the same layers; no section where they have none, or not the same. */
export function weightsSection(
  before: Uint8Array,
  after: Uint8Array,
  text: string,
): readonly ReportSection[] {
  const [old, changed] = [layerWeights(before), layerWeights(after)];
  const areFinite = [...old, ...changed].every(({ ranges }) => ranges.every(Number.isFinite));
  if (old.length === 0 || old.length !== changed.length || !areFinite) return [];
  const names = rowNames(old.map(({ name }) => name));
  const all = old.map(({ ranges }, i) => ({ name: names[i], before: ranges, after: changed[i].ranges }));
  const uneven = [...all].sort((a, b) => unevenness(b) - unevenness(a)).slice(0, SHOWN);
  const layers = all.filter((layer) => uneven.includes(layer));
  const left =
    all.length > SHOWN ? ` Shown are the ${SHOWN} of ${all.length} layers whose channels differ most.` : "";
  const options = onPage("Largest weight of each channel", channelRangesWidth(layers, FIGURE_WIDTH));
  return [
    {
      heading: "Weights of each channel",
      text: `${text}${left}`,
      figures: [svgText(channelRanges({ layers }, options))],
    },
  ];
}

/** How far channels are apart, before or after, as the logarithm of the ratio. */
function unevenness({ before, after }: LayerRanges): number {
  const spread = (ranges: readonly number[]) => {
    const logs = ranges.filter((range) => range > 0).map(Math.log);
    return logs.length === 0 ? 0 : Math.max(...logs) - Math.min(...logs);
  };
  return Math.max(spread(before), spread(after));
}
