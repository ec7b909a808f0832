// The columns of `isoloss plot`.
import type { Course } from "../screens/landscape/course.js";

/** One row a point: variant, step, seconds, loss and squared gradient norm, and the point. */
export function dataCsv(courses: readonly Course[]): string {
  const rows = courses.flatMap(({ method, loss, gradNormSq, seconds, x, y }) =>
    Array.from(loss, (value, t) => [method, t, seconds[t], value, gradNormSq[t], x[t], y[t]].join(",")),
  );
  return ["variant,step,seconds,loss,gradNormSq,x,y", ...rows, ""].join("\n");
}
