import {
  clippedNetworks,
  clippedSeeds,
  expectBestWithClipsWeighed,
  expectDamageAsPredicted,
  expectNoHarm,
  expectNoiseAsPredicted,
  networksOfRelu,
  noisyNetworks,
} from "./minimize-quantization-noise-support.js";

expectNoHarm(networksOfRelu.slice(1));

expectNoiseAsPredicted(noisyNetworks.slice(1));

expectDamageAsPredicted(clippedNetworks.slice(1));

expectBestWithClipsWeighed(clippedSeeds.slice(1));
