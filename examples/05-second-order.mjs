// Derivatives of derivatives: Hessian-vector products, the gradient of a squared gradient norm, Newton's method.
import { array, dot, grad, hvp, item, jit, spec } from "isoloss";
import { solve } from "isoloss/linalg";
import { add, mul, square, sub } from "isoloss/ops";

// Booth's function: a quadratic with the Hessian [[10, 8], [8, 10]] and its minimum 0 at (1, 3).
const booth = ({ x, y }) => add(square(sub(add(x, mul(2, y)), 7)), square(sub(add(mul(2, x), y), 5)));

const scalar = spec([], "float64");
const point = { x: scalar, y: scalar };
const at = (x, y) => ({ x: array(x, "float64"), y: array(y, "float64") });
const show = ({ x, y }) => `(${item(x).toFixed(4)}, ${item(y).toFixed(4)})`;

const gradient = await jit(grad(booth), [point]);
const hessianTimes = await jit(hvp(booth), [point, point]);
console.log(`gradient at (5, -5): ${show(await gradient(at(5, -5)))}`);
console.log(`Hessian times (1, 0): ${show(await hessianTimes(at(5, -5), at(1, 0)))}`);

// grad nests to any order: d ||grad L||^2 = 2 H grad L is what a teleport climbs.
const gradNormSq = (w) => {
  const g = grad(booth)(w);
  return dot(g, g);
};
const climb = await jit(grad(gradNormSq), [point]);
console.log(`gradient of ||grad L||^2: ${show(await climb(at(5, -5)))}`);

// One Newton step: small matrices are solved on the host in float64.
const g = await gradient(at(5, -5));
const columns = [await hessianTimes(at(5, -5), at(1, 0)), await hessianTimes(at(5, -5), at(0, 1))];
const hessian = array(
  columns.map(({ x, y }) => [item(x), item(y)]),
  "float64",
);
const [dx, dy] = solve(hessian, array([item(g.x), item(g.y)], "float64")).data;
console.log(`after one Newton step: ${show(at(5 - dx, -5 - dy))}`);
for (const f of [gradient, hessianTimes, climb]) await f.dispose();
