/**
 * Functions to minimize, with loss, start, optimum and symmetry; problems with several tasks.
 *
 * @module isoloss/problems
 */

export type { BoothOptions } from "../problems/booth.js";
export { booth } from "../problems/booth.js";
export type { CurveFitOptions } from "../problems/curve-fit.js";
export { curveFit } from "../problems/curve-fit.js";
export type { ImageClassesOptions } from "../problems/image-classes.js";
export { imageClasses } from "../problems/image-classes.js";
export type {
  DigitQuestionsOptions,
  FashionAttributesOptions,
  ImageTasksOptions,
  MultiFashionOptions,
  SplitImages,
} from "../problems/image-tasks.js";
export { digitQuestions, fashionAttributes, fashionDigits, multiFashion } from "../problems/image-tasks.js";
export type { Factors, MatrixFactorizationOptions } from "../problems/matrix-factorization.js";
export { matrixFactorization } from "../problems/matrix-factorization.js";
export type { MlpRegressionOptions } from "../problems/mlp-regression.js";
export { mlpRegression, mlpRegressionSeeds } from "../problems/mlp-regression.js";
export type { MultiTaskProblem, TaskKind } from "../problems/multi-task.js";
export { classification } from "../problems/multi-task.js";
export type { Problem } from "../problems/problem.js";
export { vector } from "../problems/problem.js";
export type { QuadraticOptions } from "../problems/quadratic.js";
export { quadratic } from "../problems/quadratic.js";
export { imageProblems, multiTaskProblems, problems } from "../problems/registry.js";
export type { RosenbrockOptions } from "../problems/rosenbrock.js";
export { rosenbrock } from "../problems/rosenbrock.js";
export type { Rosenbrock2nOptions } from "../problems/rosenbrock-2n.js";
export { rosenbrock2n } from "../problems/rosenbrock-2n.js";
export type { ToyParams, TwoTaskToy, TwoTaskToyOptions } from "../problems/toy.js";
export { twoTaskToy } from "../problems/toy.js";
