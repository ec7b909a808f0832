/**
 * Functions to minimize, with loss, start, optimum and symmetry; problems with several tasks.
 *
 * @module isoloss/problems
 */

export { type BoothOptions, booth } from "../problems/booth.js";
export { type CurveFitOptions, curveFit } from "../problems/curve-fit.js";
export { type ImageClassesOptions, imageClasses } from "../problems/image-classes.js";
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
export { type MlpRegressionOptions, mlpRegression, mlpRegressionSeeds } from "../problems/mlp-regression.js";
export { classification, type MultiTaskProblem, type TaskKind } from "../problems/multi-task.js";
export { type Problem, vector } from "../problems/problem.js";
export { type QuadraticOptions, quadratic } from "../problems/quadratic.js";
export { imageProblems, multiTaskProblems, problems } from "../problems/registry.js";
export { type RosenbrockOptions, rosenbrock } from "../problems/rosenbrock.js";
export { type Rosenbrock2nOptions, rosenbrock2n } from "../problems/rosenbrock-2n.js";
export { type ToyParams, type TwoTaskToy, type TwoTaskToyOptions, twoTaskToy } from "../problems/toy.js";
