// Does a teleport help here? What theory says of a point before anything is moved.
import { booth } from "isoloss";
import { diagnose, isMissing } from "isoloss/teleport";

const { loss, start, symmetry } = booth();
const diagnosis = await diagnose({
  loss,
  params: start,
  batch: {},
  learningRate: 0.08,
  symmetry: symmetry(),
  quadratic: true,
  minimum: 0,
});
for (const sentence of diagnosis.reading) console.log(sentence);
const { lambdaMax } = diagnosis;
console.log(`largest eigenvalue: ${isMissing(lambdaMax) ? lambdaMax.missing : lambdaMax.toFixed(6)}`);
