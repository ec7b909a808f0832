import type { CostConfig } from "../../catalogue/cost.js";
import type { JobResult, Role, Roles, Settings, Variant } from "../../kind.js";

/** Settings without COST, and without where a run computed, as text: equal for runs that differ by COST alone. */
export function plainKey({ cost: _, provider: __, ...settings }: Settings): string {
  return JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The problem of settings as text: only runs on the same one can be compared. */
export const problemKey = ({ problem }: Settings): string => JSON.stringify(problem);

/** The variant with which one with COST is compared: the same without it; undefined for what has no COST, and without such a variant. */
export function plainOf(variants: readonly Variant[], { cost, ...settings }: Settings): string | undefined {
  if (cost === undefined) return undefined;
  const key = plainKey(settings);
  return variants.find((v) => v.settings.cost === undefined && plainKey(v.settings) === key)?.name;
}

export const variantsOf = (groups: ReadonlyMap<string, readonly JobResult[]>): Variant[] =>
  [...groups].map(([name, [{ settings }]]) => ({ name, settings }));

/** What variants with COST are compared with, each with the variants that are controls of COST. */
export function costBaselines(variants: readonly Variant[]): Roles {
  const baselines: Record<string, Record<string, Role>> = {};
  for (const { name, settings } of variants) {
    const plain = plainOf(variants, settings);
    if (plain === undefined) continue;
    baselines[plain] ??= {};
    if ((settings.cost as CostConfig).control !== undefined) baselines[plain][name] = "control";
  }
  return baselines;
}
