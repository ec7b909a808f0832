// What the documents of `isoloss model COMMAND --json` come to, as a few lines.

const recipeOf = ({ candidate, per, activations, compensated, corrected }) =>
  `${candidate}, per ${per}${activations === "dynamic" ? ", dynamic" : ""}${compensated ? ", GPTQ" : ""}${corrected ? ", corrected" : ""}`;
const change = ({ sqnr, broken, agreement, largest }) =>
  [
    sqnr === null ? (broken ? "not finite" : "identical") : `${sqnr.toFixed(1)} dB`,
    ...(agreement === null ? [] : [`same largest ${(100 * agreement).toFixed(1)} %`]),
    ...(largest === null ? [] : [`largest difference ${largest.toPrecision(2)}`]),
  ].join(", ");
const kilobytes = ({ before, after }) => `${(before / 1000).toFixed(0)} to ${(after / 1000).toFixed(0)} kB`;
const counts = ({ overflows, subnormals, numbers }) =>
  `${overflows} above, ${subnormals} below of ${numbers}`;

const summaries = {
  fold: ({ changed, left, largest }) => `${changed} folded, ${left} left, ${largest?.toPrecision(2)}`,
  imbalance: ({ groups, factor, sigma, advice }) =>
    `${groups.length} groups, factor ${factor.toPrecision(3)}, sigma ${sigma.toPrecision(3)}\n${advice}`,
  balance: ({ largest, changed, after }) =>
    `${changed} tensors changed, outputs within ${largest?.toPrecision(2)}; after: factor ${after.factor.toPrecision(3)}, sigma ${after.sigma.toPrecision(3)}`,
  quantize: ({ table, recommended, skipped, bytes, kernels }) =>
    [
      ...table.map((row) => `${recipeOf(row)}: ${change(row)}, ${(row.bytes / 1000).toFixed(0)} kB`),
      `recommended: ${recipeOf(recommended)}, ${kilobytes(bytes)}`,
      ...skipped.map((text) => `not tried: ${text}`),
      ...(kernels ?? []).map(
        ({ kernel, count, timeShare }) => `${count} ${kernel}, ${(100 * timeShare).toFixed(0)} % of the time`,
      ),
    ].join("\n"),
  prune: ({ table, groups, bytes }) => {
    const gone = groups.filter(({ removed }) => removed > 0);
    const left = groups.filter(({ reason }) => reason !== null);
    const units = gone.reduce((sum, { removed }) => sum + removed, 0);
    return [
      ...table.map((row) => `ranked ${row.ranked}: ${change(row)}, ${row.zeros} zeros of ${row.numbers}`),
      ...(groups.length === 0 ? [] : [`${units} units of ${gone.length} groups, ${kilobytes(bytes)}`]),
      ...[...new Set(left.map(({ reason }) => `left: ${reason}`))],
    ].join("\n");
  },
  half: ({ table, moved, bytes }) =>
    [
      ...table.map(
        ({ numbers, weights, activations, rounded, ...row }) =>
          `${numbers}: ${change(row)}; weights ${counts(weights)}${activations ? `; activations ${counts(activations)}` : ""}; rounded everywhere ${rounded?.toPrecision(2) ?? "not finite"}`,
      ),
      `${moved} units moved, ${kilobytes(bytes)}`,
    ].join("\n"),
  "low-rank": ({ table, groups, bytes }) =>
    [
      ...table.map((row) => `${row.spaces}: ${change(row)}, ${row.numbers} numbers`),
      kilobytes(bytes),
      ...groups.map(
        ({ parameters, size, copies, rank, error: lost, reason }) =>
          `${copies} x ${size} of ${parameters.join(", ")}: rank ${rank}, error ${lost.toPrecision(2)}${reason === null ? "" : `; ${reason}`}`,
      ),
    ].join("\n"),
  finetune: ({ epochs, best }) =>
    `best epoch ${best}; ${epochs.map(({ epoch, validationLoss, validationAccuracy }) => `${epoch}: loss ${validationLoss?.toPrecision(3)}, accuracy ${validationAccuracy?.toPrecision(3)}`).join("; ")}`,
};

/** A command's document, for a reader. */
export const summaryOf = (command, document) => summaries[command](document);
