const { ALL_CASES, CI, SAMPLED_ROWS } = process.env;

/** Whether tests take all cases: with `--mode all`, `--mode long` and in CI. */
export const hasAllCases = Boolean(ALL_CASES || CI);

/** How many random cases a test takes: all of them, or a third. */
export const randomCases = (count: number): number => (hasAllCases ? count : Math.ceil(count / 3));

/** Rows of a table that holds each member of a list against another way to compute it: with `npm test` every third from `first` on, else all of them. */
export const sampledRows = <T>(rows: readonly T[], first: 0 | 1 | 2 = 0): readonly T[] =>
  SAMPLED_ROWS && !hasAllCases ? rows.filter((_, i) => i % 3 === first) : rows;
