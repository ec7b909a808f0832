import { expectLeastSquares, networkKinds } from "./balanced-support.js";

expectLeastSquares(networkKinds.filter((kind) => kind !== "vectors"));
