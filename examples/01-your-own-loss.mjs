// Gradient descent on a function of your own: traced once into a graph, differentiated, and run as a loop.
import { array, compile, item, spec, trace, valueAndGrad } from "isoloss";
import { add, mul, square, sub } from "isoloss/ops";

// Rosenbrock's function, with its minimum 0 at (1, 1). Parameters are any nest of objects and lists.
const rosenbrock = ({ x, y }) => add(mul(100, square(sub(square(x), y))), square(sub(x, 1)));

// One step. What it returns as x and y is what the next step takes; the loss is collected.
const step = ({ w, rate }) => {
  const [loss, g] = valueAndGrad(rosenbrock)(w);
  return { w: { x: sub(w.x, mul(rate, g.x)), y: sub(w.y, mul(rate, g.y)) }, loss };
};

const scalar = spec([], "float64");
const { graph } = trace(step, { w: { x: scalar, y: scalar }, rate: scalar });
const executable = await compile(graph, { scan: { carry: { "w.x": "w.x", "w.y": "w.y" } } });

const start = array(-1, "float64");
const inputs = { "w.x": start, "w.y": start, rate: array(1e-3, "float64") };
const results = await executable.run(inputs, { steps: 1001 });

console.log(`runtime: ${executable.runtime}`);
for (const t of [0, 1, 100, 1000]) console.log(`loss at step ${t}: ${results.loss.data[t].toFixed(6)}`);
console.log(`w after 1001 steps: (${item(results["w.x"]).toFixed(3)}, ${item(results["w.y"]).toFixed(3)})`);
await executable.dispose();
