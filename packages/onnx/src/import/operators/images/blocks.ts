import type { Tensor } from "isoloss";
import { formatShape } from "isoloss/internal";
import { reshape, transpose } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";

function imageOf(call: Call): readonly [number, number, number, number] {
  const { shape } = call.tensor(0);
  if (shape.length !== 4) {
    return call.fail(`it takes images [batch, channels, height, width]; got ${formatShape(shape)}`);
  }
  return [shape[0], shape[1], shape[2], shape[3]];
}

const blockOf = (call: Call): number =>
  call.attribute("blocksize", "int") ?? call.fail("there is no blocksize");

/** Channels become square blocks of pixels; the mode says whether the block is the outer or the inner index. */
function depthToSpace(call: Call): Tensor {
  const [batch, channels, height, width] = imageOf(call);
  const block = blockOf(call);
  const rest = channels / block ** 2;
  if (!Number.isInteger(rest)) {
    return call.fail(`the ${channels} channels must be a multiple of the block's ${block ** 2} pixels`);
  }
  const isOuter = call.text("mode", "DCR") === "DCR";
  const parts = isOuter ? [block, block, rest] : [rest, block, block];
  const apart = reshape(call.tensor(0), [batch, ...parts, height, width]);
  const turned = transpose(apart, isOuter ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
  return reshape(turned, [batch, rest, height * block, width * block]);
}

/** Square blocks of pixels become channels. */
function spaceToDepth(call: Call): Tensor {
  const [batch, channels, height, width] = imageOf(call);
  const block = blockOf(call);
  const [rows, columns] = [height / block, width / block];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
    return call.fail(`height and width must be multiples of the blocksize ${block}`);
  }
  const apart = reshape(call.tensor(0), [batch, channels, rows, block, columns, block]);
  return reshape(transpose(apart, [0, 3, 5, 1, 2, 4]), [batch, channels * block ** 2, rows, columns]);
}

export const blocks: Readonly<Record<string, Operator>> = {
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
