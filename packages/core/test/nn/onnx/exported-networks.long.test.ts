import { networks } from "./exported.js";
import { expectExported } from "./exported-networks-support.js";

expectExported(networks.slice(5));
