/** How many random cases a test takes: a third of them with `npm test`, all of them with `--mode all`, `--mode long` and in CI. */
export function randomCases(count: number): number {
  const { ALL_CASES, CI } = process.env;
  return ALL_CASES || CI ? count : Math.ceil(count / 3);
}
