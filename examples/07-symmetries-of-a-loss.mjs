// The symmetries of a hand-written loss, found from its graph.
import { createTeleporter, symmetriesOf, torchGenerator } from "isoloss";
import { torchRand } from "isoloss/nn";
import { matmul, mean, relu, square, sub } from "isoloss/ops";

// Two layers of relu, then a factorized output U V: no layer classes, only operations.
const loss = ({ a, b, u, v }, { x, y }) => {
  const hidden = relu(matmul(relu(matmul(x, a)), b));
  return mean(square(sub(matmul(matmul(hidden, u), v), y)));
};
const rng = torchGenerator(0);
const uniform = (...shape) => ({
  shape,
  data: Float64Array.from(torchRand(rng, shape).data, (r) => r - 0.3),
});
const params = { a: uniform(5, 8), b: uniform(8, 6), u: uniform(6, 3), v: uniform(3, 4) };
const batch = { x: uniform(32, 5), y: uniform(32, 4) };

const { found, scaling, linear } = symmetriesOf(loss, params, batch);
for (const { size, axes } of found.scalings) {
  const moves = axes.map(({ path, axis, power }) => `${path} axis ${axis} ${power > 0 ? "times" : "by"} a`);
  console.log(`scaling of ${size} units: ${moves.join(", ")}`);
}
for (const { size, axes } of found.linear) {
  console.log(`GL(${size}) between ${axes.map(({ path }) => path).join(" and ")}`);
}
for (const symmetry of [scaling, linear]) {
  const teleporter = await createTeleporter({ symmetry, loss, params, batch });
  const { report } = await teleporter.teleport(params, batch);
  const { gradNormSq, lambdaMax } = report.ratios;
  console.log(
    `${report.search}: ||grad L||^2 x${gradNormSq.toFixed(2)}, largest curvature x${lambdaMax.toFixed(2)}, drift ${report.drift < 1e-12 ? "below 1e-12" : report.drift}`,
  );
  await teleporter.dispose();
}
