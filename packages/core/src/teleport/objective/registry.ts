import { listOf, type OptionsOf, optionTable, text } from "../../options.js";
import { type Choice, choice } from "../../registry.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import { decrease, decreaseOptions } from "./decrease.js";
import { gradNormSqOf } from "./grad-norm-sq-of.js";
import { modelDecrease } from "./model-decrease.js";
import { gradNormSq, minimized, type Objective } from "./objective.js";
import { type OrbitCurvatureOptions, orbitCurvature, orbitCurvatureOptions } from "./orbit-curvature.js";
import { type SharpnessOptions, sharpness, sharpnessOptions } from "./sharpness.js";

export interface LayersOption extends OptionsOf<typeof layersOption> {}

const layersOption = optionTable("gradNormSqOf", {
  /**
   * Dotted paths of parameters, each standing for all parameters below it: `layers.0` for `layers.0.weight`
   * and `layers.0.bias`.
   */
  layers: listOf(text("a dotted path"), { least: 1 }).required(),
});

/** Every objective of a teleport by name. */
export const objectives = {
  gradNormSq: choice(
    () => gradNormSq,
    optionTable("gradNormSq", {}),
    "||g||^2, of all parameters (the paper's)",
  ),
  gradNormSqOf: choice(
    ({ layers }: LayersOption) => gradNormSqOf(layers),
    layersOption,
    "||g||^2 of some layers, named by their paths",
  ),
  decrease: choice(
    decrease,
    decreaseOptions,
    "how far the loss falls in k virtual steps of the optimizer in use; for a fixed learning rate",
  ),
  modelDecrease: choice(
    () => modelDecrease,
    optionTable("modelDecrease", {}),
    "J = ||g||^4 / (2 g'Hg); for a line search, or a learning rate tuned afterwards",
  ),
  flatness: choice(
    (options: SharpnessOptions) => minimized(sharpness(options)),
    sharpnessOptions,
    "a low mean loss in random directions around the point: minus the sharpness",
  ),
} satisfies Record<string, Choice<(options: never) => Objective>>;

/** Every objective that depends on a symmetry, by name. */
export const orbitObjectives = {
  orbitCurvature: choice(
    orbitCurvature,
    orbitCurvatureOptions,
    "the curvature of a symmetry's orbit at the point",
  ),
  orbitFlatness: {
    make: <P>(symmetry: Symmetry<P>, options: OrbitCurvatureOptions) =>
      minimized(orbitCurvature(symmetry, options)),
    options: orbitCurvatureOptions,
    summary: "a straight orbit: minus its curvature",
  },
} satisfies Record<string, Choice<(symmetry: never, options: never) => Objective>>;
