// Loaded when a run asks for another optimizer than gradient descent.
export { createOptimizer } from "isoloss/optim";
