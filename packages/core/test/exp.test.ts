import { it } from "vitest"; import { cpSync, writeFileSync } from "node:fs";
import { createPackedProject } from "./packed-project.js";
it("x", async()=>{ const p=await createPackedProject(); cpSync("packages/core/test/browser/page",p.folder,{recursive:true}); writeFileSync("/tmp/proj-path",p.folder); },60000);
