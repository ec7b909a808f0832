/**
 * Functions to minimize, with loss, start, optimum and symmetry; problems with several tasks.
 *
 * @module isoloss/problems
 */
export type { AttributeTasksOptions } from "./benchmarks/attribute-tasks.js";
export { attributeTasks } from "./benchmarks/attribute-tasks.js";
export type { BenchmarkTask, BenchmarkTasks } from "./benchmarks/benchmark-tasks.js";
export { benchmarkTasks } from "./benchmarks/benchmark-tasks.js";
export type { DenseTasksOptions } from "./benchmarks/dense-tasks.js";
export { denseTasks } from "./benchmarks/dense-tasks.js";
export type { MoleculeTasksOptions } from "./benchmarks/molecule-tasks.js";
export { moleculeTasks } from "./benchmarks/molecule-tasks.js";
export type { OwnImageTasksOptions } from "./benchmarks/own-image-tasks.js";
export { ownImageTasks } from "./benchmarks/own-image-tasks.js";
export type { BoothOptions } from "./booth.js";
export { booth } from "./booth.js";
export type { CurveFitOptions } from "./curve-fit.js";
export { curveFit } from "./curve-fit.js";
export type { ImageClassesOptions } from "./image-classes.js";
export { imageClasses } from "./image-classes.js";
export type {
  DigitQuestionsOptions,
  FashionAttributesOptions,
  ImageTasksOptions,
  MultiFashionOptions,
  SplitImages,
} from "./image-tasks.js";
export { digitQuestions, fashionAttributes, fashionDigits, multiFashion } from "./image-tasks.js";
export type { Factors, MatrixFactorizationOptions } from "./matrix-factorization.js";
export { matrixFactorization } from "./matrix-factorization.js";
export type { MlpRegressionOptions } from "./mlp-regression.js";
export { mlpRegression, mlpRegressionSeeds } from "./mlp-regression.js";
export type { MultiTaskProblem, TaskKind } from "./multi-task.js";
export { classification } from "./multi-task.js";
export type { Problem } from "./problem.js";
export { vector } from "./problem.js";
export type { QuadraticOptions } from "./quadratic.js";
export { quadratic } from "./quadratic.js";
export { imageProblems, multiTaskProblems, problems } from "./registry.js";
export type { RosenbrockOptions } from "./rosenbrock.js";
export { rosenbrock } from "./rosenbrock.js";
export type { Rosenbrock2nOptions } from "./rosenbrock-2n.js";
export { rosenbrock2n } from "./rosenbrock-2n.js";
export type { ToyParams, TwoTaskToy, TwoTaskToyOptions } from "./toy.js";
export { twoTaskToy } from "./toy.js";
