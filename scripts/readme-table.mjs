// The table "Does it pay?" of README.md, of what scripts/readme-numbers.mjs measured.

/** Of times the interval is over so many processes: in one of them a machine is as quick or slow for all pairs. */
export const processes = 5;

/** The rows of README.md: experiment, method, what a reader calls it, and how numbers are named. */
const rows = [
  ["prune", "balanced", "half of an exported network's weights pruned; balanced before"],
  ["finetune", "restored", "an exported network fine-tuned; its batch norms put back before"],
  ["rosenbrock", "level-set-10x20", "Rosenbrock's function (paper 1), ten teleports"],
  ["regression", "level-set", "a regression in full batches (paper 1), six teleports"],
  ["digits", "teleports", "digits in mini-batches, eight teleports"],
  ["toy", "LS-COST", "two losses of two variables (paper 2), COST"],
];

/** @param found findings with the ratios of their times, as docs/results/readme.json has them */
export function readmeTable(found, machine) {
  const number = (value) => String(Number(value.toPrecision(3)));
  const end = (value) => (number(value) === "1" ? value.toFixed(3) : number(value));
  const lines = rows.flatMap(([experiment, title, name]) => {
    const { judgment, measures, alternatives, times } = found.find(
      (one) => one.source === `npm start: ${experiment}` && one.title === title,
    );
    const beside = ["helps", "fewer steps"].includes(judgment)
      ? alternatives.join("; ").replaceAll("lbfgs", "L-BFGS")
      : judgment;
    const texts = measures.flatMap(({ measure, text }) => {
      if (measure !== "time") {
        const [, value = text, low, high, unit = ""] = /^(.*?) \[(.*), (.*)\](.*)$/.exec(text) ?? [];
        return [[`${value}${unit}`, low === undefined ? "" : `${low} to ${high}`]];
      }
      if (times?.interval == null) return [];
      const [low, high] = times.interval;
      const value =
        low < 1 && high > 1
          ? "no clear difference in time"
          : `${number(times.ratio)} ${times.ratio < 1 ? "of" : "times"} the time`;
      return [[value, `${end(low)} to ${end(high)}`]];
    });
    return texts.map(([value, interval], i) =>
      i === 0 ? `| ${name} | ${value} | ${interval} | ${beside} |` : `| | ${value} | ${interval} | |`,
    );
  });
  return [
    "| situation | with the move | interval | verdict beside others |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
    `Measured by \`npm start\` on ${machine}: intervals of 95 %, or 97.5 % where two moves share a baseline;`,
    `of times over ${processes} processes.`,
  ].join("\n");
}
