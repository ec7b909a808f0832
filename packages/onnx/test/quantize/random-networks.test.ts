import { expectIntegers, expectIntegerWeights, seeds } from "./random-networks-support.js";

expectIntegers(seeds.slice(0, 8));

expectIntegerWeights(seeds.slice(0, 8));
