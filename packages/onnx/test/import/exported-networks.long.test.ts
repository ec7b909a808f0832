import { networks } from "isoloss-test-support/nn/onnx/exported";
import { expectExported } from "./exported-networks-support.js";

expectExported(networks.slice(5));
