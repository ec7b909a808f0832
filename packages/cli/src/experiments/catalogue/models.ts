import { type Activation, convnet, lenet, type Model, mlp, patchTransformer } from "isoloss";
import { z } from "zod";
import { count, type Entry, makeNamed, type Named, namedSchema, positive, smoothing } from "./named.js";
import type { Tree } from "./problems.js";

/** A model, and what is known of it. */
export interface MadeModel {
  readonly model: Model<Tree, Tree>;
  /** Whether it takes images as [n, channels, height, width]; otherwise rows of pixels. */
  readonly takesImages: boolean;
  /** Of a multilayer perceptron. */
  readonly activation?: { readonly activation: Activation; readonly slope?: number };
}

const activations = [
  "relu",
  "leakyRelu",
  "tanh",
  "sigmoid",
  "gelu",
  "elu",
  "softplus",
  "silu",
  "identity",
] as const satisfies readonly Activation[];

const made = (model: unknown, takesImages: boolean, rest: Pick<MadeModel, "activation"> = {}): MadeModel => ({
  model: model as Model<Tree, Tree>,
  takesImages,
  ...rest,
});

/** Models by name; their input is the size of an image: channels, height, width. */
export const modelRegistry: Readonly<Record<string, Entry<readonly [number, number, number], MadeModel>>> = {
  mlp: {
    summary: "multilayer perceptron",
    options: z.strictObject({
      sizes: z.array(count).min(2),
      activation: z.enum(activations).meta({ title: "activation" }).optional(),
      slope: positive.optional(),
      bias: z.boolean().optional(),
      dropout: smoothing.optional(),
    }),
    make: (o) => {
      const { activation = "relu", slope } = o as { activation?: Activation; slope?: number };
      return made(mlp(o as never), false, {
        activation: { activation, ...(slope === undefined ? {} : { slope }) },
      });
    },
  },
  convnet: {
    summary: "stages of 3 x 3 convolutions and max-pooling, then a linear layer",
    options: z.strictObject({
      stages: z.array(z.array(count).min(1)).min(1).optional(),
      classes: count.optional(),
    }),
    make: (o, [inputs, height, width]) =>
      made(convnet({ inputs, imageSize: [height, width], ...(o as object) }), true),
  },
  patchTransformer: {
    summary: "transformer on square patches of the image, with mean pooling",
    options: z.strictObject({
      patch: count.optional(),
      width: count.optional(),
      heads: count.optional(),
      depth: count.optional(),
      mlpRatio: positive.optional(),
      classes: count.optional(),
      activation: z.enum(activations).meta({ title: "activation" }).optional(),
    }),
    make: (o, [channels, height, width]) =>
      made(patchTransformer({ channels, imageSize: [height, width], ...(o as object) }), true),
  },
  lenet: {
    summary: "LeNet: two convolutions of 5 x 5 and linear layers",
    options: z.strictObject({ classes: count.optional() }),
    make: (o, [inputs, height, width]) =>
      made(lenet({ inputs, imageSize: [height, width], ...(o as object) } as never), true),
  },
};

export const modelSchema = namedSchema("model", modelRegistry);

export const makeModel = (named: Named, image: readonly [number, number, number]): MadeModel =>
  makeNamed(modelRegistry, named, image);
