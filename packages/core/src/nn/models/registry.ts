import type { Choice } from "../../registry.js";
import { convnet, convnetOptions } from "./convnet.js";
import { lenet, lenetOptions } from "./lenet.js";
import { mlp, mlpOptions } from "./mlp.js";
import { mobilenet, mobilenetOptions } from "./mobilenet.js";
import { patchTransformer, patchTransformerOptions } from "./patch-transformer.js";
import { resnet18, resnet18Options } from "./resnet18.js";
import { vgg6, vgg6Options } from "./vgg6.js";

/** Every classifier by name. */
export const models = {
  mlp: { make: mlp, options: mlpOptions, summary: "multilayer perceptron" },
  convnet: {
    make: convnet,
    options: convnetOptions,
    summary: "stages of 3 x 3 convolutions and max-pooling, then a linear layer",
  },
  mobilenet: {
    make: mobilenet,
    options: mobilenetOptions,
    summary: "MobileNetV2 for small images: depthwise convolutions in inverted residual blocks",
  },
  patchTransformer: {
    make: patchTransformer,
    options: patchTransformerOptions,
    summary: "transformer on square patches of the image, with mean pooling",
  },
  lenet: {
    make: lenet,
    options: lenetOptions,
    summary: "LeNet: two convolutions of 5 x 5 and linear layers",
  },
  vgg6: {
    make: vgg6,
    options: vgg6Options,
    summary: "VGG-6: three stages of two 3 x 3 convolutions, then a linear layer",
  },
  resnet18: {
    make: resnet18,
    options: resnet18Options,
    summary: "ResNet-18 with batch norm, for small images or those of ImageNet",
  },
} satisfies Record<string, Choice<(options: never) => unknown>>;
