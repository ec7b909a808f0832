/**
 * Places near the given ones, at least `gap` apart and between `from` and `to` as far as there is room: neighbours that
 * are too close form a group around their mean.
 */
export function spaced(
  places: readonly number[],
  { gap, from, to }: { readonly gap: number; readonly from: number; readonly to: number },
): number[] {
  const order = [...places.keys()].sort((a, b) => places[a] - places[b]);
  let groups = order.map((i) => ({ members: [i], centre: places[i] }));
  for (let merged = true; merged; ) {
    merged = false;
    const next: typeof groups = [];
    for (const group of groups) {
      const half = ((group.members.length - 1) * gap) / 2;
      const centre = Math.max(from + half, Math.min(to - half, group.centre));
      const before = next.at(-1);
      const apart = before ? ((before.members.length + group.members.length) * gap) / 2 : 0;
      if (before && centre - before.centre < apart - 1e-9) {
        const members = [...before.members, ...group.members];
        before.centre = members.reduce((sum, i) => sum + places[i], 0) / members.length;
        before.members = members;
        merged = true;
      } else next.push({ members: group.members, centre });
    }
    groups = next;
  }
  const result = Array.from(places);
  for (const { members, centre } of groups) {
    for (const [k, i] of members.entries()) result[i] = centre + (k - (members.length - 1) / 2) * gap;
  }
  return result;
}
