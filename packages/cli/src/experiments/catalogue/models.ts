import type { Activation, Model } from "isoloss";
import { models } from "isoloss/nn";
import { type Entry, makeNamed, type Named, namedSchema } from "./named.js";
import type { Tree } from "./problems.js";

/** A model, and what is known of it. */
export interface MadeModel {
  readonly model: Model<Tree, Tree>;
  /** Whether it takes images as [n, channels, height, width]; otherwise rows of pixels. */
  readonly takesImages: boolean;
  /** Of a multilayer perceptron. */
  readonly activation?: { readonly activation: Activation; readonly slope?: number };
}

/** Channels, height and width of an image. */
type ImageShape = readonly [number, number, number];

/** Names of the options that an image's shape decides, where a model has them. */
const ofImages = {
  inputs: ([channels]: ImageShape) => channels,
  channels: ([channels]: ImageShape) => channels,
  imageSize: ([, height, width]: ImageShape) => [height, width],
};

/** What the images of a run decide of the options of each model of images. */
const fromImage: Readonly<Record<Exclude<keyof typeof models, "mlp">, readonly (keyof typeof ofImages)[]>> = {
  convnet: ["inputs", "imageSize"],
  mobilenet: ["inputs"],
  patchTransformer: ["channels", "imageSize"],
  lenet: ["inputs", "imageSize"],
  vgg6: ["inputs", "imageSize"],
  resnet18: ["inputs"],
};

const { mlp, ...imageModels } = models;

/** Models by name, all those that the library has; their input is the size of an image. */
export const modelRegistry: Readonly<Record<string, Entry<ImageShape, MadeModel>>> = {
  mlp: {
    ...mlp,
    make(options) {
      const { activation = "relu", slope } = options as { activation?: Activation; slope?: number };
      return {
        model: mlp.make(options as never) as unknown as MadeModel["model"],
        takesImages: false,
        activation: { activation, ...(slope === undefined ? {} : { slope }) },
      };
    },
  },
  ...Object.fromEntries(
    Object.entries(imageModels).map(([name, { make, options, summary }]) => {
      const names = fromImage[name as keyof typeof fromImage];
      const rows = Object.fromEntries(
        names.map((option) => [
          option,
          options.rows[option as keyof typeof options.rows].kind.otherwise("that of the data"),
        ]),
      );
      return [
        name,
        {
          summary,
          options: { ...options, rows: { ...options.rows, ...rows } },
          make: (given: object, image: ImageShape) => ({
            model: (make as (options: object) => unknown)({
              ...Object.fromEntries(names.map((option) => [option, ofImages[option](image)])),
              ...given,
            }) as MadeModel["model"],
            takesImages: true,
          }),
        },
      ];
    }),
  ),
};

export const modelSchema = namedSchema("model", modelRegistry);

export const makeModel = (named: Named, image: ImageShape): MadeModel =>
  makeNamed(modelRegistry, named, image);
