// Loaded when a run asks for them: most do not.
export { conjugateDirections, createLineSearchMinimizer, lbfgs } from "isoloss/optim";
