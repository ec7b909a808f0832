// A verdict: how a method compares with its baseline, and with whatever has a role beside it.
import type { DifferenceSummary, RatioSummary } from "isoloss/internal";
import type { Judgement } from "../../run/report-html.js";
import type { Role } from "../kind.js";

/** How a method compares with another variant, by all of an interval; undefined where too few runs tell. */
export type Standing = "better" | "worse" | "unclear" | undefined;

type Range = readonly [number, number] | null | undefined;

/** By the interval of a ratio of which less is better. */
export const ratioStanding = (range: Range): Standing =>
  range ? (range[1] < 1 ? "better" : range[0] > 1 ? "worse" : "unclear") : undefined;

/** By the interval of a difference of which more is better. */
export const differenceStanding = (range: Range): Standing =>
  range ? (range[0] > 0 ? "better" : range[1] < 0 ? "worse" : "unclear") : undefined;

/** A method compared with a variant that has a role. */
export interface Beside {
  readonly name: string;
  readonly role: Role;
  readonly standing: Standing;
  /** Of an alternative: how it compares with the baseline. */
  readonly gain?: Standing;
}

/**
 * The verdict on one measure. A method helps if it is better than its baseline and than each control; alternatives and ceilings never
 * change that.
 */
export function judged(standing: Standing, beside: readonly Omit<Beside, "name">[]): Judgement {
  if (standing === "worse") return "does not help";
  if (standing !== "better") return "undecided";
  const controls = beside.flatMap((other) => (other.role === "control" ? [other.standing] : []));
  if (controls.some((than) => than === "worse" || than === "unclear")) return "no better than a control";
  return controls.includes(undefined) ? "undecided" : "helps";
}

/** How each alternative compares with the method, as clauses: "LAMP does as well". */
export const alternativeTexts = (beside: readonly Beside[]): string[] =>
  beside.flatMap(({ name, role, standing, gain }) => {
    if (role !== "alternative") return [];
    if (standing === "better") return [`better than ${name}`];
    if (standing === "worse") return [`${name} does better`];
    if (standing === undefined) return [`${name} had too few runs to compare`];
    return [`${name} ${gain === "better" ? "does" : "may do"} as well`];
  });

/** How an alternative compares with a method in steps and in time, as a clause: "L-BFGS needs fewer steps and less time". */
export function speedText(name: string, steps: Standing, time: Standing, gain: Standing): string {
  const needs = [
    ...(steps === "worse" ? ["fewer steps"] : steps === "better" ? ["more steps"] : []),
    ...(time === "worse" ? ["less time"] : time === "better" ? ["more time"] : []),
  ];
  if (needs.length > 0) return `${name} needs ${needs.join(steps === time ? " and " : " but ")}`;
  if (steps === undefined) return `${name} had too few runs to compare`;
  return `${name} ${gain === "better" ? "does" : "may do"} as well`;
}

/** How many runs would decide, if their mean stays, as text; empty where that cannot be told. @param bound of a ratio */
export function runsToDecide(compared: RatioSummary | DifferenceSummary | null, bound = 1): string {
  if (compared?.interval == null) return "";
  const scale = "ratio" in compared ? (value: number) => Math.log(value / bound) : (value: number) => value;
  const middle = scale("ratio" in compared ? compared.ratio : compared.difference);
  const [low, high] = compared.interval.map(scale);
  const runs = Math.ceil(compared.n * ((high - low) / 2 / middle) ** 2);
  // It decides already: something else is missing.
  if (runs <= compared.n) return "";
  return runs <= 1000 ? `about ${runs} runs of each would decide` : "more than 1000 runs of each";
}
