import fc from "fast-check";
import { expect, test } from "vitest";
import { connectivity } from "./connected.ts";
import { deriveNetwork, type NetworkSize } from "./network.ts";
import { Random } from "./random.ts";
import { edgesOf, genotypeFromSelection, randomSelection, resolveSpace, type Selection } from "./space.ts";

const size = (layers: number): NetworkSize => ({
  channels: 8,
  layers,
  classes: 10,
  image: { height: 32, width: 32, channels: 3 },
});
const space = resolveSpace("tnd-nas");
const edges = edgesOf(space);
const all = (operation: string) => edges.map(() => operation);
const onDarts = (selection: Selection, layers: number) => connectivity(space, size(layers))(selection);

test("a network whose last cell is empty does not see its image, one whose empty cells are passed by does", () => {
  const empty = { normal: all("none"), reduction: all("max_pool_3x3") };
  // Of 3 layers the last two are reductions; of 5 the last is normal.
  expect(onDarts(empty, 3)).toBe(true);
  expect(onDarts(empty, 5)).toBe(false);
  expect(onDarts({ normal: all("none"), reduction: all("none") }, 3)).toBe(false);
  expect(onDarts({ normal: all("skip_connect"), reduction: all("skip_connect") }, 5)).toBe(true);
});

test("cells that read only the state two before them pass by an empty one, two in a row they do not", () => {
  const fromOlder = edges.map(({ from }) => (from === 0 ? "skip_connect" : "none"));
  expect(onDarts({ normal: fromOlder, reduction: all("none") }, 6)).toBe(true);
  expect(onDarts({ normal: fromOlder, reduction: all("none") }, 4)).toBe(false);
});

test("a cell of NAS-Bench-201 is connected where a path leads from its input to its output", () => {
  const bench = resolveSpace("nas-bench-201");
  const sees = (...normal: string[]) => connectivity(bench, size(5))({ normal });
  const [cut, open] = ["none", "nor_conv_1x1"];
  const at = (...opened: [number, number][]) =>
    edgesOf(bench).map(({ from, to }) => (opened.some(([f, t]) => f === from && t === to) ? open : cut));
  expect(sees(...at())).toBe(false);
  expect(sees(...at([0, 1], [1, 2]))).toBe(false);
  expect(sees(...at([1, 2], [2, 3]))).toBe(false);
  expect(sees(...at([0, 1], [1, 3]))).toBe(true);
});

/** Backwards, from the classifier to the image, in the network as it is trained in the end. */
function isReachedFromHead(selection: Selection, layers: number): boolean {
  const genotype = genotypeFromSelection(space, selection);
  const { cells } = deriveNetwork({ genotype, auxiliary: false, ...size(layers) });
  const leadsToImage = (state: number): boolean => {
    const cell = cells[state - 1];
    if (cell === undefined) return true;
    const nodeLeads = (node: number): boolean =>
      node < cell.inputStates.length
        ? leadsToImage(cell.inputStates[node] as number)
        : cell.edges.some(({ from, to }) => to === node && nodeLeads(from));
    return cell.concat.some(nodeLeads);
  };
  return leadsToImage(cells.length);
}

test("agrees with a walk from the classifier back through the derived network", () => {
  const answers = new Set<boolean>();
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 3, max: 7 }), (seed, layers) => {
      const random = new Random(seed);
      const share = 0.8 + 0.2 * random.uniform();
      const drawn = Object.entries(randomSelection(space, random));
      const selection: Selection = Object.fromEntries(
        drawn.map(([kind, list]) => [
          kind,
          list.map((operation) => (random.uniform() < share ? "none" : operation)),
        ]),
      );
      const answer = onDarts(selection, layers);
      answers.add(answer);
      expect(answer).toBe(isReachedFromHead(selection, layers));
    }),
    { numRuns: 300, seed: 1 },
  );
  expect(answers).toEqual(new Set([true, false]));
});
