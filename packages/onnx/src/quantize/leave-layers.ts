import { type Judge, measured, quantizeAndMeasure, type Trial } from "./choices.js";
import { writeQdq } from "./write-qdq.js";

/** What a layer's quantization costs by itself. */
export interface LayerSensitivity {
  /** The name of the layer's result. */
  readonly layer: string;
  /** SQNR in decibels of the outputs on held-out examples with this layer alone quantized. */
  readonly sqnr: number;
}

/** Decides whether there is time for more work, which `what` names. */
export type HasTimeFor = (what: string) => boolean;

/** Names of the quantized layers. */
const layersOf = ({ nodes }: Trial["report"]): readonly string[] =>
  nodes.filter(({ bits }) => bits !== undefined && bits < 32).map(({ node }) => node);

/** The layers of a trial, those first whose quantization costs most. Those that there was no time for are left out. */
export async function sensitivities(
  { recipe, report }: Trial,
  judge: Judge,
  hasTimeFor: HasTimeFor,
): Promise<readonly LayerSensitivity[]> {
  const { candidate, ranges, settings } = recipe;
  const layers = layersOf(report);
  const rows: LayerSensitivity[] = [];
  for (const layer of layers) {
    if (!hasTimeFor(`sensitivity of ${layer}`)) break;
    const leave = new Set(layers.filter((other) => other !== layer));
    const { file } = writeQdq(candidate.file, ranges, { ...settings, leave });
    const { sqnr } = await measured(file, { ...judge, score: undefined });
    rows.push({ layer, sqnr });
  }
  return rows.sort((a, b) => a.sqnr - b.sqnr);
}

/**
 * Leaves the fewest layers in float that keep a limit, and never all of them, by bisection over the order of their sensitivities.
 *
 * @returns the file within the limit; undefined where there was no time to find one, or none is
 */
export async function withinLimit(
  start: Trial,
  order: readonly LayerSensitivity[],
  limit: number,
  judge: Judge,
  hasTimeFor: HasTimeFor,
): Promise<Trial | undefined> {
  let [low, high] = [1, Math.min(order.length, layersOf(start.report).length - 1)];
  let best: Trial | undefined;
  while (low <= high) {
    const count = Math.floor((low + high) / 2);
    if (!hasTimeFor(`${count} of ${order.length} layers in float`)) return best;
    const trial = await quantizeAndMeasure(
      start.recipe,
      judge,
      order.slice(0, count).map(({ layer }) => layer),
    );
    if (trial.choice.sqnr >= limit) {
      best = trial;
      high = count - 1;
    } else low = count + 1;
  }
  return best;
}
