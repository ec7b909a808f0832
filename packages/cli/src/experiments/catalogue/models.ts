import { type Activation, type Model, OptionError, sizeOf } from "isoloss";
import { models } from "isoloss/nn";
import { type Entry, makeNamed, type Named, namedSchema } from "./named.js";
import type { Tree } from "./problems.js";
import { type ImageShape, type RunData, requireImages } from "./run-data.js";

export interface MadeModel {
  readonly model: Model<Tree, Tree>;
  /** Whether it takes images as [n, channels, height, width], or rows of numbers; left out: the data as they are. */
  readonly takesImages?: boolean | undefined;
  /** Of a multilayer perceptron. */
  readonly activation?: { readonly activation: Activation; readonly slope?: number };
}

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

interface MlpOptions {
  readonly sizes: readonly number[];
  readonly activation?: Activation;
  readonly slope?: number;
}

/** @throws OptionError where the data have another number of inputs, or a table another number of classes or targets */
function requireSizes(sizes: readonly number[], { train, features, classes }: RunData): void {
  const inputs = sizeOf(train.inputs.shape.slice(1));
  // Of arrays it is the loss that knows how many outputs it takes.
  const outputs = features === undefined ? sizes.at(-1) : (classes?.length ?? train.labels.shape[1]);
  if (sizes[0] === inputs && sizes.at(-1) === outputs) return;
  const held =
    features === undefined
      ? `an example of the data has ${inputs} numbers`
      : tableText(features, classes, outputs);
  throw new OptionError(
    `model.sizes is [${sizes.join(", ")}], and ${held}. Write sizes: [${[inputs, ...sizes.slice(1, -1), outputs].join(", ")}].`,
  );
}

function tableText(
  features: readonly string[],
  classes: readonly string[] | undefined,
  outputs: number | undefined,
): string {
  const listed = features.slice(0, 12).join(", ") + (features.length > 12 ? ", ..." : "");
  const targets = outputs === 1 ? "one target" : `${outputs} targets`;
  return `the data have ${features.length} input${features.length === 1 ? "" : "s"} (${listed}) and ${classes ? `${outputs} classes` : targets}`;
}

/** Models by name, all those that the library has; their input is the size of an image. */
export const modelRegistry: Readonly<Record<string, Entry<RunData, MadeModel>>> = {
  mlp: {
    ...mlp,
    make(options, data) {
      const { activation = "relu", slope, sizes } = options as unknown as MlpOptions;
      requireSizes(sizes, data);
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
        names.map((option) => {
          const { kind, summary: what } = options.rows[option as keyof typeof options.rows];
          return [option, kind.otherwise("that of the data", what)];
        }),
      );
      return [
        name,
        {
          summary,
          options: { ...options, rows: { ...options.rows, ...rows } },
          make(given: object, data: RunData) {
            const image = requireImages(data, `The model ${name}`);
            const shape = Object.fromEntries(names.map((option) => [option, ofImages[option](image)]));
            return {
              model: (make as (options: object) => unknown)({ ...shape, ...given }) as MadeModel["model"],
              takesImages: true,
            };
          },
        },
      ];
    }),
  ),
};

export const modelSchema = namedSchema("model", modelRegistry);

export const makeModel = (named: Named, data: RunData): MadeModel => makeNamed(modelRegistry, named, data);
