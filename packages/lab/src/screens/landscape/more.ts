// What runs may ask for, loaded together when one does: the screen begins with a function of the paper, gradient descent and the best angle
// along an orbit.

export { conjugateDirections, createLineSearchMinimizer, createOptimizer, lbfgs } from "isoloss/optim";
export { quadratic } from "isoloss/problems";
export { gradientAscent, levelSet, randomSearch } from "isoloss/teleport";
export { ownProblem } from "../../formula/own.js";
export { nowhereFinite } from "./nowhere.js";
