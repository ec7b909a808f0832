import { symmetryRows } from "./symmetries.js";
import { expectGroups, expectSymmetries, groupRows } from "./symmetries-support.js";

expectSymmetries(symmetryRows.slice(4));

expectGroups(groupRows.slice(2));
