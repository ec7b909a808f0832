/** How many random cases a test takes: so many with `--mode all` and `--mode long`, a third of them in the quick tests. */
export function randomCases(count: number): number {
  const { env } = import.meta as unknown as { readonly env: { readonly MODE: string } };
  return env.MODE === "test" ? Math.ceil(count / 3) : count;
}
