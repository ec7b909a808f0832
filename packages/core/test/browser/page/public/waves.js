// A stream of a user's: examples of sin and cos that are told apart, each epoch in an order of its own, with nothing imported.
const length = 600;

export const waves = {
  length,
  async *batches(seed, epoch) {
    for (let first = 0; first < length; first += 100) {
      const data = new Float32Array(100 * 16);
      const labels = new BigInt64Array(100);
      for (let i = 0; i < 100; i++) {
        const phase = ((first + i) * 0.618 + seed + epoch * 0.1) % 1;
        labels[i] = BigInt(i % 2);
        for (let t = 0; t < 16; t++) data[16 * i + t] = (i % 2 ? Math.sin : Math.cos)(t / 3 + phase);
      }
      yield { inputs: { shape: [100, 16], data }, labels: { shape: [100], data: labels } };
    }
  },
};

export const where = async () => ({
  async *batches() {
    yield { x: { shape: [1], data: Float32Array.of(typeof document === "undefined" ? 1 : 0) } };
    throw new Error("the connection is gone");
  },
});
