/** One in so many examples or batches is held out. */
export const heldOutShare = 4;

/** How many of some examples or batches calibrate: all but a quarter, rounded up, that is held out. */
export const calibrationShare = (count: number): number => count - Math.ceil(count / heldOutShare);
