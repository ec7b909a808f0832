import { type Choice, choice } from "../../registry.js";
import { convnet, convnetOptions } from "./convnet.js";
import { lenet, lenetOptions } from "./lenet.js";
import { mlp, mlpOptions } from "./mlp.js";
import { mobilenet, mobilenetOptions } from "./mobilenet.js";
import { patchTransformer, patchTransformerOptions } from "./patch-transformer.js";
import { resnet18, resnet18Options } from "./resnet18.js";
import { vgg6, vgg6Options } from "./vgg6.js";

/** Every classifier by name. */
export const models = {
  mlp: choice(mlp, mlpOptions, "multilayer perceptron"),
  convnet: choice(
    convnet,
    convnetOptions,
    "stages of 3 x 3 convolutions and max-pooling, then a linear layer",
  ),
  mobilenet: choice(
    mobilenet,
    mobilenetOptions,
    "MobileNetV2 for small images: depthwise convolutions in inverted residual blocks",
  ),
  patchTransformer: choice(
    patchTransformer,
    patchTransformerOptions,
    "transformer on square patches of the image, with mean pooling",
  ),
  lenet: choice(lenet, lenetOptions, "LeNet: two convolutions of 5 x 5 and linear layers"),
  vgg6: choice(vgg6, vgg6Options, "VGG-6: three stages of two 3 x 3 convolutions, then a linear layer"),
  resnet18: choice(
    resnet18,
    resnet18Options,
    "ResNet-18 with batch norm, for small images or those of ImageNet",
  ),
} satisfies Record<string, Choice<(options: never) => unknown>>;
