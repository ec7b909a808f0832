import type { Choice } from "../registry.js";
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
  quadratic: {
    make: quadratic,
    options: quadraticOptions,
    summary: "L = 1/2 w' A w; by default A = diag(1, 10) from (3, 0.5)",
  },
  booth: {
    make: booth,
    options: boothOptions,
    summary: "Booth's function of two variables from (5, -5)",
  },
  rosenbrock: {
    make: rosenbrock,
    options: rosenbrockOptions,
    summary: "Rosenbrock's function of two variables from (-1, -1)",
  },
  rosenbrock2n: {
    make: rosenbrock2n,
    options: rosenbrock2nOptions,
    summary: "the sum of Rosenbrock's function over N pairs",
  },
  mlpRegression: {
    make: mlpRegression,
    options: mlpRegressionOptions,
    summary: "a small network without biases fitted to random data; the seed draws both",
  },
  curveFit: {
    make: curveFit,
    options: curveFitOptions,
    summary: "10,000 points of a curve fitted by a network with tanh; the seed draws both",
  },
  matrixFactorization: {
    make: matrixFactorization,
    options: matrixFactorizationOptions,
    summary: "a random matrix as a product of two of low rank",
  },
} satisfies Record<string, Choice<(options: never) => unknown>>;

/** Problems with one loss that take images as first argument by name. */
export const imageProblems = {
  imageClasses: {
    make: imageClasses,
    options: imageClassesOptions,
    summary:
      "images' classes by a network with tanh, all images at every step: isoloss data fetch fashionMnist",
  },
} satisfies Record<string, Choice<(...args: never[]) => unknown>>;

/** Every problem with several tasks by name. Those with clothing take the images as first argument. */
export const multiTaskProblems = {
  toy: {
    make: twoTaskToy,
    options: twoTaskToyOptions,
    summary: "two losses of two variables; the seed chooses one of five starts",
  },
  multiFashion: {
    make: multiFashion,
    options: multiFashionOptions,
    summary:
      "two items of clothing in one image, each of 10 classes; or imbalanced: isoloss data fetch fashionMnist",
  },
  fashionDigits: {
    make: fashionDigits,
    options: fashionDigitsOptions,
    summary: "an item of clothing and a digit in one image: isoloss data fetch fashionMnist",
  },
  fashionAttributes: {
    make: fashionAttributes,
    options: fashionAttributesOptions,
    summary:
      "40 yes-or-no questions about the two items of clothing in one image: isoloss data fetch fashionMnist",
  },
  digitQuestions: {
    make: digitQuestions,
    options: digitQuestionsOptions,
    summary: "eight questions about each of the digits that come with the package",
  },
} satisfies Record<string, Choice<(...args: never[]) => unknown>>;
