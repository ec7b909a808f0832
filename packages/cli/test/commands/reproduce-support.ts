import type { ReproduceDocument } from "../../src/commands/reproduce.js";

/** What the clock decides: ratios and medians of seconds, losses at equal times, and how often runs were timed. */
const isOfClock =
  /^((teleports\.)?(seconds|fraction)|medianSeconds|equalTime|clock|repeats|report|judgment|text|verdict)$/;

/** A document without what the clock decides. */
export const withoutClock = (document: ReproduceDocument): unknown =>
  JSON.parse(JSON.stringify(document, (key, value) => (isOfClock.test(key) ? undefined : value)));
