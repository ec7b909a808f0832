/**
 * Places near the given ones, at least `gap` apart and between `from` and `to` as far as there is room: neighbors that
 * are too close form a group around their mean.
 */
export function spaced(
  places: readonly number[],
  { gap, from, to }: { readonly gap: number; readonly from: number; readonly to: number },
): number[] {
  const order = [...places.keys()].sort((a, b) => places[a] - places[b]);
  let groups = order.map((i) => ({ members: [i], center: places[i] }));
  for (let merged = true; merged; ) {
    merged = false;
    const next: typeof groups = [];
    for (const group of groups) {
      const half = ((group.members.length - 1) * gap) / 2;
      const center = Math.max(from + half, Math.min(to - half, group.center));
      const before = next.at(-1);
      const apart = before ? ((before.members.length + group.members.length) * gap) / 2 : 0;
      if (before && center - before.center < apart - 1e-9) {
        const members = [...before.members, ...group.members];
        before.center = members.reduce((sum, i) => sum + places[i], 0) / members.length;
        before.members = members;
        merged = true;
      } else next.push({ members: group.members, center });
    }
    groups = next;
  }
  const result = Array.from(places);
  for (const { members, center } of groups) {
    for (const [k, i] of members.entries()) result[i] = center + (k - (members.length - 1) / 2) * gap;
  }
  return result;
}
