// Files that are moved to where quantization makes least noise.

import { equalizeForQuantization } from "isoloss-onnx";
import { expect, it } from "vitest";
import { randomFile } from "../../model-file/random-file.js";
import { images, keepsItsFunction } from "./files.js";

it.each([5])("random file %i keeps its function to rounding where bounds are kept", keepsItsFunction);

it("refuses batches that do not fit the model, and unknown bounds", async () => {
  const bytes = randomFile(1);
  const call = (batches: unknown, options = {}) => equalizeForQuantization(bytes, batches as never, options);
  await expect(call(images(2, [1, 4, 8, 8]), { bounds: "relu" })).rejects.toThrow(
    'bounds must be expected, lifted or exact; got "relu"',
  );
  await expect(call([{ image: images(1, [1, 4, 8, 8])[0]?.x }])).rejects.toThrow(
    'an array for the model\'s input "x"; it has image',
  );
  await expect(call(images(1, [1, 4, 8, 8])[0])).rejects.toThrow("takes a list of batches");
  await expect(call(images(2, [1, 4, 8, 8]), { clips: "exact" })).rejects.toThrow('no option "clips"');
});
