import { expectTakenWhereLossStays, rows } from "./inexact-support.js";

expectTakenWhereLossStays(rows.slice(1));
