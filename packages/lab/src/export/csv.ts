// The columns of `isoloss plot`.
import type { Course } from "../screens/landscape/course.js";

/** One line a point: variant, step, seconds, loss and squared gradient norm, and the point. */
export function* dataCsv(courses: readonly Course[]): Iterable<string> {
  yield "variant,step,seconds,loss,gradNormSq,x,y";
  for (const { method, loss, gradNormSq, seconds, x, y } of courses)
    for (const [t, value] of loss.entries())
      yield [method, t, seconds[t], value, gradNormSq[t], x[t], y[t]].join(",");
}
