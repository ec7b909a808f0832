// How far the channels of a rounded tensor reach: on calibration data, and on data that calibration has not seen.
import type { RoundedTensor } from "./quantized-graph.js";
import type { ChannelStatistics, MeasuredChannels } from "./statistics.js";

/** Of each channel: how far above and below 0. */
export interface Reach {
  readonly highs: Float64Array;
  readonly lows: Float64Array;
}

export interface ChannelRanges {
  /** On the calibration data: what a quantizer takes. */
  readonly seen: Reach;
  /** With head room for other data. */
  readonly expected: Reach;
  /** Mean squares, as if one more row of data had reached into the head room above. */
  readonly moments: Float64Array;
}

/** What has to be measured for the ranges of a tensor: the tensor itself, then what its ReLU takes in. */
export function measuredRanges(rounded: RoundedTensor): readonly MeasuredChannels[] {
  const { tensor, axis, source } = rounded;
  const own = (wanted: MeasuredChannels["wanted"]) => ({ tensor, axis, wanted });
  if (!source) return [own(["low", "high", "mean", "moment"])];
  const before = { tensor: source.z, axis: source.axis, wanted: ["high", "mean"] as const };
  return [own(isDirect(source) ? ["moment"] : ["low", "high", "mean", "moment"]), before];
}

/** Whether each channel holds values of one channel of the ReLU. */
const isDirect = ({ isWhole, channels }: NonNullable<RoundedTensor["source"]>): boolean =>
  isWhole && channels.every((i) => i >= 0);

/**
 * Ranges are widened by what they extend beyond the channel's mean, times the head room h. A channel of a ReLU shows by how
 * much only where it is active, and what it takes in there is not what it takes in elsewhere: with n of N rows active it
 * gets h sqrt(N / n), and h sqrt(N) where it never is, around the values before the ReLU.
 */
export function channelRanges(
  { source }: RoundedTensor,
  [own, before]: readonly ChannelStatistics[],
  headRoom: number,
): ChannelRanges {
  const count = own.moment.length;
  const seen = { highs: new Float64Array(count), lows: new Float64Array(count) };
  const expected = { highs: new Float64Array(count), lows: new Float64Array(count) };
  const moments = own.moment.slice();
  const isDirectly = source !== undefined && isDirect(source);
  for (let j = 0; j < count; j++) {
    const i = source ? source.channels[j] : -1;
    const isBefore = source !== undefined && i >= 0 && (isDirectly || own.active[j] === 0);
    const [{ high, mean, active, rows }, at] = isBefore ? [before, i] : [own, j];
    const room = headRoom * (source ? Math.sqrt(rows / Math.max(1, active[at])) : 1);
    // Of numbers that are all equal, the mean may be off by its rounding.
    const above = room * Math.max(0, high[at] - mean[at]);
    seen.highs[j] = Math.max(0, high[at]);
    expected.highs[j] = seen.highs[j] + above;
    moments[j] += above ** 2 / (rows + 1);
    if (isDirectly) continue;
    seen.lows[j] = Math.max(0, -own.low[j]);
    if (!source)
      expected.lows[j] = seen.lows[j] && seen.lows[j] + room * Math.max(0, own.mean[j] - own.low[j]);
  }
  return { seen, expected, moments };
}
