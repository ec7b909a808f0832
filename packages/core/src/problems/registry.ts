import { type Choice, choice } from "../registry.js";
import { booth, boothOptions } from "./booth.js";
import { curveFit, curveFitOptions } from "./curve-fit.js";
import { imageClasses, imageClassesOptions } from "./image-classes.js";
import {
  digitQuestions,
  digitQuestionsOptions,
  fashionAttributes,
  fashionAttributesOptions,
  fashionDigits,
  fashionDigitsOptions,
  multiFashion,
  multiFashionOptions,
} from "./image-tasks.js";
import { matrixFactorization, matrixFactorizationOptions } from "./matrix-factorization.js";
import { mlpRegression, mlpRegressionOptions } from "./mlp-regression.js";
import { quadratic, quadraticOptions } from "./quadratic.js";
import { rosenbrock, rosenbrockOptions } from "./rosenbrock.js";
import { rosenbrock2n, rosenbrock2nOptions } from "./rosenbrock-2n.js";
import { twoTaskToy, twoTaskToyOptions } from "./toy.js";

/** Every problem with one loss by name. */
export const problems = {
  quadratic: choice(quadratic, quadraticOptions, "L = 1/2 w' A w; by default A = diag(1, 10) from (3, 0.5)"),
  booth: choice(booth, boothOptions, "Booth's function of two variables from (5, -5)"),
  rosenbrock: choice(rosenbrock, rosenbrockOptions, "Rosenbrock's function of two variables from (-1, -1)"),
  rosenbrock2n: choice(rosenbrock2n, rosenbrock2nOptions, "the sum of Rosenbrock's function over N pairs"),
  mlpRegression: choice(
    mlpRegression,
    mlpRegressionOptions,
    "a small network without biases fitted to random data; the seed draws both",
  ),
  curveFit: choice(
    curveFit,
    curveFitOptions,
    "10,000 points of a curve fitted by a network with tanh; the seed draws both",
  ),
  matrixFactorization: choice(
    matrixFactorization,
    matrixFactorizationOptions,
    "a random matrix as a product of two of low rank",
  ),
} satisfies Record<string, Choice<(options: never) => unknown>>;

/** Problems with one loss that take images as first argument by name. */
export const imageProblems = {
  imageClasses: choice(
    imageClasses,
    imageClassesOptions,
    "images' classes by a network with tanh, all images at every step: isoloss data fetch fashionMnist",
  ),
} satisfies Record<string, Choice<(...args: never[]) => unknown>>;

/** Every problem with several tasks by name. Those with clothing take the images as first argument. */
export const multiTaskProblems = {
  toy: choice(
    twoTaskToy,
    twoTaskToyOptions,
    "two losses of two variables; the seed chooses one of five starts",
  ),
  multiFashion: choice(
    multiFashion,
    multiFashionOptions,
    "two items of clothing in one image, each of 10 classes; or imbalanced: isoloss data fetch fashionMnist",
  ),
  fashionDigits: choice(
    fashionDigits,
    fashionDigitsOptions,
    "an item of clothing and a digit in one image: isoloss data fetch fashionMnist",
  ),
  fashionAttributes: choice(
    fashionAttributes,
    fashionAttributesOptions,
    "40 yes-or-no questions about the two items of clothing in one image: isoloss data fetch fashionMnist",
  ),
  digitQuestions: choice(
    digitQuestions,
    digitQuestionsOptions,
    "eight questions about each of the digits that come with the package",
  ),
} satisfies Record<string, Choice<(...args: never[]) => unknown>>;
