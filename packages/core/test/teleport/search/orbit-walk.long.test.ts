import { afterAll, describe, expect, it } from "vitest";
import { gradNormSq, minimized } from "../../../src/teleport/objective/objective.js";
import {
  adaptive,
  along,
  ascent,
  type Case,
  corner,
  even,
  evenGradients,
  evenRanges,
  expectGroup,
  expectScaling,
  far,
  line,
  type Make,
  plainCorner,
  race,
  random,
  steep,
  virtual,
  wild,
} from "./orbit-walks.js";

const rows: readonly (readonly [string, Make, Case])[] = [
  ["line search", line, {}],
  ["line search, far and unguarded", far, { guard: false }],
  ["line search, of virtual steps", far, { objective: virtual, guard: { halvings: 5 } }],
  ["line search, raced", line, { guard: { race } }],
  ["line search, in ONNX Runtime", line, { objective: minimized(gradNormSq), runtime: "onnx" }],
  ["random elements", random, {}],
  ["random elements, refused", wild, { objective: virtual, guard: { drift: 1e-15, halvings: 2 } }],
  ["random elements, in a steep race", wild, { guard: { race: steep, halvings: 20 } }],
  ["random elements, in ONNX Runtime", random, { guard: { race: adaptive }, runtime: "onnx" }],
  ["corner", corner, {}],
  ["corner, in ONNX Runtime", plainCorner, { objective: virtual, runtime: "onnx" }],
  ["balanced norms", even, { heldOut: true }],
  ["balanced norms, in a steep race", even, { guard: { race: steep } }],
  ["balanced ranges, refused", evenRanges, { guard: { drift: 1e-17 } }],
  ["balanced ranges, in ONNX Runtime", evenRanges, { runtime: "onnx" }],
  ["balanced gradients, in ONNX Runtime", evenGradients, { guard: { race }, runtime: "onnx" }],
  ["ascent, in a steep race", ascent, { guard: { race: steep } }],
  ["level set, raced", along, { guard: { race: adaptive } }],
];

describe("a search on an orbit as one program, in more settings", () => {
  let accepted = 0;
  afterAll(() => expect(accepted).toBeGreaterThan(rows.length));

  it.each(rows)("leads where it led: %s", async (name, search, options) => {
    accepted += await expectScaling(name, search, options);
  });

  it.each([
    ["hiddenAction", "line search", line],
    ["GL of linear networks", "line search", line],
    ["GL of linear networks", "wild", wild],
  ] as const)("leads there for %s, %s", expectGroup);
});
