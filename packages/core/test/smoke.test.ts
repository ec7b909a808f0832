import { test, expect } from "vitest";
import { trace, spec } from "../src/graph/trace.js";
import { simplify } from "../src/graph/simplify.js";
import { printGraph } from "../src/graph/graph.js";
import { compileJavaScript } from "../src/runtime/javascript/executable.js";
import { valueAndGrad, grad } from "../src/graph/autodiff.js";
import { add, mul, sub } from "../src/graph/ops/arithmetic.js";
import { square } from "../src/graph/ops/elementary.js";
import { leakyRelu } from "../src/graph/ops/activation.js";
import { sum } from "../src/graph/ops/reduce.js";
import { matmul } from "../src/graph/ops/matmul.js";
import { array, item } from "../src/array.js";
test("rosenbrock", () => {
  const loss = ({ x, y }: any) => add(mul(100, square(sub(square(x), y))), square(sub(x, 1)));
  const t = trace((p: any, lr: any) => { const [l, g] = valueAndGrad(loss)(p); return { x: sub(p.x, mul(lr, g.x)), y: sub(p.y, mul(lr, g.y)), l }; },
    [{ x: spec([], "float64"), y: spec([], "float64") }, spec([], "float64")], { names: ["w", "lr"] });
  const g = simplify(t.graph);
  console.log(printGraph(g));
  const e = compileJavaScript(g, { scan: { carry: { x: "w.x", y: "w.y" } } });
  console.log(e.source);
  const run = () => e.runSync({ "w.x": array(-1, "float64"), "w.y": array(-1, "float64"), lr: array(1e-3, "float64") }, { steps: 1001 });
  const r = run();
  console.log(r.l.data[0], r.l.data[1], r.l.data[99], r.l.data[100], r.l.data[1000]);
  for (let i = 0; i < 1000; i++) run();
  const t0 = performance.now(); for (let i = 0; i < 1000; i++) run(); console.log("us/step", (performance.now() - t0) / 1001);
  expect(r.l.data[100]).toBeCloseTo(.761726059487506, 12);
});
test("regression", () => {
  const loss = ({ w1, w2, w3 }: any, x: any, y: any) => mul(.5, sum(square(sub(y, matmul(w3, leakyRelu(matmul(w2, leakyRelu(matmul(w1, x), .1)), .1))))));
  const p = { w1: spec([6, 5], "float64"), w2: spec([7, 6], "float64"), w3: spec([8, 7], "float64") };
  const t = trace((p: any, x: any, y: any, lr: any) => { const [l, g] = valueAndGrad(loss)(p, x, y); return { w1: sub(p.w1, mul(lr, g.w1)), w2: sub(p.w2, mul(lr, g.w2)), w3: sub(p.w3, mul(lr, g.w3)), l }; },
    [p, spec([5, 4], "float64"), spec([8, 4], "float64"), spec([], "float64")], { names: ["w", "x", "y", "lr"] });
  const g = simplify(t.graph);
  console.log(printGraph(g));
  const e = compileJavaScript(g, { scan: { carry: { w1: "w.w1", w2: "w.w2", w3: "w.w3" } } });
  console.log(e.source);
  const R = (m: number, n: number) => ({ shape: [m, n], data: Float64Array.from({ length: m * n }, () => Math.random()) });
  const inp = { "w.w1": R(6, 5), "w.w2": R(7, 6), "w.w3": R(8, 7), x: R(5, 4), y: R(8, 4), lr: array(1e-4, "float64") };
  for (let i = 0; i < 100; i++) e.runSync(inp, { steps: 100 });
  const t0 = performance.now(); for (let i = 0; i < 100; i++) e.runSync(inp, { steps: 300 }); console.log("us/step", (performance.now() - t0) / 30);
  const gg = trace((p: any, x: any, y: any) => grad((q: any) => { const h = grad(loss)(q, x, y) as any; return add(add(sum(square(h.w1)), sum(square(h.w2))), sum(square(h.w3))); })(p), [p, spec([5, 4], "float64"), spec([8, 4], "float64")], { names: ["w", "x", "y"] });
  const e2 = compileJavaScript(simplify(gg.graph));
  for (let i = 0; i < 3000; i++) e2.runSync(inp);
  const t1 = performance.now(); for (let i = 0; i < 3000; i++) e2.runSync(inp); console.log("gg us", (performance.now() - t1) / 3);
});
