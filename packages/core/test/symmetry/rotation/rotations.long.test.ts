import { expectSameLosses, hundredsByName } from "./rotations-support.js";

expectSameLosses(hundredsByName.slice(1));
