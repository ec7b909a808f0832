import { expectSameFunctions, preparationEntries } from "./preparations-support.js";

expectSameFunctions(preparationEntries.slice(2));
