import { sampledRows } from "isoloss-test-support/random-cases";
import { afterAll, describe, expect, it } from "vitest";
import { gradNormSq, minimized } from "../../../src/teleport/objective/objective.js";
import {
  along,
  ascent,
  type Case,
  corner,
  evenGradients,
  expectGroup,
  expectScaling,
  line,
  type Make,
  race,
  random,
  steep,
} from "./orbit-walks.js";

const rows = sampledRows<readonly [string, Make, Case]>([
  ["line search, unguarded", line, { guard: false }],
  ["corner, in a steep race", corner, { objective: minimized(gradNormSq), guard: { race: steep } }],
  ["ascent, raced", ascent, { guard: { race } }],
  ["ascent, raced on held-out data", ascent, { guard: { race: steep }, heldOut: true }],
  ["balanced gradients", evenGradients, {}],
  ["level set, in a steep race", along, { guard: { race: steep } }],
]);

describe("a search on an orbit as one program", () => {
  let accepted = 0;
  afterAll(() => expect(accepted).toBeGreaterThan(rows.length));

  it.each(rows)("leads where it led: %s", async (name, search, options) => {
    accepted += await expectScaling(name, search, options);
  });

  it("leads there for hiddenAction", () => expectGroup("hiddenAction", "random elements", random));
});
