// Measures what its argument says, in a process of its own.
import { writeFileSync } from "node:fs";
import { measure } from "./measure.mjs";

const [request, answer] = process.argv.slice(2);
const result = await measure(JSON.parse(request)).catch(({ message }) => ({ error: message }));
// Into a file: libraries write greetings to the standard output.
writeFileSync(answer, JSON.stringify(result));
process.exit(0);
