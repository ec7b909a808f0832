import { derivatives } from "./cases.js";

addEventListener("message", ({ data }) => {
  derivatives(data.name, data.runtime).then(
    (result) => postMessage({ result }),
    (error) => postMessage({ error: String(error) }),
  );
});
