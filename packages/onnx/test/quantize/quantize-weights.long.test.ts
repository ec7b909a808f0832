import { expectSameInBoth, networkEntries } from "./quantize-weights-support.js";

expectSameInBoth(networkEntries.slice(2));
