import { build } from "vite";
await build({root:"/tmp/isoloss-project-dIsHbt",configFile:false,resolve:{preserveSymlinks:true},worker:{format:"es"}});
