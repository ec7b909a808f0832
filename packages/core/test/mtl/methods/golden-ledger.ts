import { readGolden } from "isoloss-test-support/nn/support";

/** A section of a golden file, and which of its numbers no test has looked at. */
export interface Ledger<G> {
  readonly golden: G;
  /**
   * Paths of what is unread, `*` for the entries of a list. Left out: nulls, which stand for a NaN of the reference, what
   * belongs to an `error` of the reference, and texts.
   */
  unread(): string[];
}

type Visit = (path: string, value: unknown) => void;

/** Calls `visit` with every number and flag below a value. */
function eachLeaf(value: unknown, path: string, visit: Visit): void {
  if (typeof value === "number" || typeof value === "boolean") visit(path, value);
  if (typeof value !== "object" || value === null || "error" in value) return;
  for (const [key, item] of Object.entries(value)) eachLeaf(item, `${path}/${key}`, visit);
}

/** Reads a section of a golden file so that a test can tell at its end that nothing was left aside. */
export function goldenLedger<G extends object>(file: string, section: string): Ledger<G> {
  const content = readGolden<Record<string, G>>(file)[section];
  const seen = new Set<string>();
  const watched = <T extends object>(value: T, path: string): T =>
    new Proxy(value, {
      get(target, key, receiver) {
        const item: unknown = Reflect.get(target, key, receiver);
        if (typeof key === "symbol" || !Object.hasOwn(target, key)) return item;
        const at = `${path}/${key}`;
        if (typeof item === "object" && item !== null) return watched(item, at);
        seen.add(at);
        return item;
      },
    });
  return {
    golden: watched(content, ""),
    unread() {
      const left = new Set<string>();
      eachLeaf(content, "", (path) => {
        if (!seen.has(path)) left.add(path.slice(1).replace(/(\/\d+)+$/, "/*"));
      });
      return [...left];
    },
  };
}
