import { it } from "vitest";
import { add, mul } from "../../src/graph/ops/arithmetic.js";
import { sin } from "../../src/graph/ops/elementary.js";
import { input } from "../../src/graph/ops/leaf.js";
import { grad } from "../../src/graph/autodiff.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../src/graph/ops/reshape.js";
import { simplify } from "../../src/graph/simplify.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { uniform } from "./op-case.js";
for (const size of [3, 20]) for (const depth of [100, 1000, 3000, 10000]) it(`deep ${size} ${depth}`, () => {
  const { graph } = trace((x: any) => { let y = x; for (let i = 0; i < depth; i++) y = add(mul(sin(y), 0.9), x); return y; }, [spec([size], "float64")], { names: ["x"] });
  let t0 = performance.now();
  const s = simplify(graph); const t1 = performance.now();
  const e = compileJavaScript(s); const t2 = performance.now();
  const r = e.runSync({ x: uniform(1, [size]) }); const t3 = performance.now();
  console.log(size, depth, e.source.length, t1 - t0, t2 - t1, t3 - t2, r.result.data[0]);
});
it("deep view", () => {
  const { graph } = trace((x: any) => { let y = x; for (let i = 0; i < 3000; i++) y = transpose(reshape(transpose(y), [4, 5])); return transpose(reshape(y,[4,5])); }, [spec([4, 5], "float64")], { names: ["x"] });
  const e = compileJavaScript(graph); console.log("view", e.source.length);
});
it("deep grad", () => {
  const f = (x: any) => { let y = x; for (let i = 0; i < 3000; i++) y = add(mul(sin(y), 0.9), x); return sum(y); };
  const { graph } = trace((x: any) => grad(f as any)(x) as any, [spec([20], "float64")], { names: ["x"] });
  const e = compileJavaScript(simplify(graph)); console.log("grad", e.source.length);
});
it("dangling", () => {
  const z = input([3], "float64");
  const { graph } = trace((x: any) => add(x, z), [spec([3], "float64")], { names: ["x"] });
  const e = compileJavaScript(simplify(graph)); console.log(e.source); console.log(e.runSync({ x: uniform(1, [3]) }));
});
it("two carry", () => {
  const { graph } = trace((x: any) => ({ a: add(x, 1), b: add(x, 2) }), [spec([3], "float64")], { names: ["x"] });
  const e = compileJavaScript(simplify(graph), { scan: { carry: { a: "x", b: "x" } } }); console.log(e.runSync({ x: uniform(1, [3]) }, { steps: 3 }));
});
it("carry sequence", () => {
  const { graph } = trace((x: any) => ({ a: add(x, 1) }), [spec([3], "float64")], { names: ["x"] });
  const e = compileJavaScript(simplify(graph), { scan: { carry: { a: "x" }, sequences: ["x"] } }); console.log(e.runSync({ x: uniform(1, [2, 3]) }, { steps: 2 }));
});
