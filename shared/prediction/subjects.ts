/** What a device measures once so that all networks of a space can be predicted: a table of operations, and whole networks. */

import { canonicalHash } from "../genotype.ts";
import type { NetworkSubject, OperationSubject, Subject } from "../measuring.ts";
import type { NetworkSize } from "../network.ts";
import { deriveSeed, Random } from "../random.ts";
import {
  edgesOf,
  genotypeFromSelection,
  randomSelection,
  type SearchSpace,
  type Selection,
} from "../space.ts";
import { countedAt, type Placement, type Placements, placementsOf } from "./placements.ts";

/** Twice what a fit has groups of features for; at 10 s each they take 4 minutes. */
const wholeNetworks = 24;
/** Of a network that stresses some operations, how many edges hold one of these. */
const stressedShare = 0.5;
/** A graph of this alone computes nothing: its time is what being measured costs. */
export const emptyOperation = "none";

/** Stable, and the same in every space and network size that has the operation at this place. */
export const operationKey = (operation: string, { shape, stride }: Placement): string =>
  `operation ${operation} ${shape.height}x${shape.width}x${shape.channels} stride ${stride}`;

/** A key of the empty graph for an input of the placement's shape. */
export const emptyKey = ({ shape }: Placement): string => operationKey(emptyOperation, { shape, stride: 1 });

/** The whole network of a selection. */
export function networkSubject(space: SearchSpace, size: NetworkSize, selection: Selection): NetworkSubject {
  if (space.skeleton === "positions")
    throw new RangeError("a space without cells has no networks to measure");
  const genotype = genotypeFromSelection(space, selection);
  const { stem = "cifar", channels, layers, classes, image } = size;
  const hash = canonicalHash(genotype, space);
  const sizes = `${stem} ${image.height}x${image.width}x${image.channels} ${channels} channels ${layers} layers ${classes} classes`;
  return {
    key: `network ${space.skeleton} ${sizes} ${hash}`,
    kind: "network",
    genotype,
    hash,
    skeleton: space.skeleton,
    stem,
    channels,
    layers,
    classes,
    image,
  };
}

/**
 * Everything to measure for a predictor, operations first: each at each input shape and stride that the derived networks
 * of this size have, and the networks of `calibrationSelections`.
 *
 * @throws RangeError for a space without cells
 */
export function calibrationSubjects(space: SearchSpace, size: NetworkSize, seed = 1): Subject[] {
  const networks = calibrationSelections(space, size, seed).map((selection) =>
    networkSubject(space, size, selection),
  );
  return [...operationSubjects(space, placementsOf(space, size)), ...networks];
}

function operationSubjects(space: SearchSpace, placements: Placements): OperationSubject[] {
  const subjects = new Map<string, OperationSubject>();
  const add = (operation: string, placement: Placement) => {
    const key = operationKey(operation, placement);
    subjects.set(key, { key, kind: "operation", operation, ...placement });
  };
  for (const [kind, rows] of Object.entries(placements)) {
    for (const placement of rows.flat()) {
      add(emptyOperation, { ...placement, stride: 1 });
      for (const name of space.cells[kind]?.operations ?? [])
        if (!countedAt(name, placement).isNone) add(name, placement);
    }
  }
  return [...subjects.values()];
}

/**
 * Well spread: the base network, those that hold most in some kinds of cell, and as many drawn uniformly as with
 * half of their edges on two operations, each operation in its turn. Without the latter, sums over many edges would be so alike that an
 * operation's own share could not be told.
 */
export function calibrationSelections(space: SearchSpace, size: NetworkSize, seed = 1): Selection[] {
  const random = new Random(deriveSeed(seed, "calibration networks"));
  const found = new Map<string, Selection>();
  const add = (selection: Selection) =>
    found.set(canonicalHash(genotypeFromSelection(space, selection), space), selection);
  for (const selection of extremeSelections(space, placementsOf(space, size))) add(selection);
  const stressed = stressedPairs(space, random);
  const attempts = 20 * wholeNetworks; // a space may hold fewer networks than are wanted
  for (let attempt = 0; found.size < wholeNetworks && attempt < attempts; attempt++)
    add(attempt % 2 === 0 ? randomSelection(space, random) : stressedSelection(space, stressed(), random));
  return [...found.values()];
}

/** All edges alike in each kind of cell: the least and the most, in all ways over the kinds. */
function extremeSelections(space: SearchSpace, placements: Placements): Selection[] {
  const edges = edgesOf(space);
  const ends = Object.entries(space.cells).map(([kind, cell]) => {
    const macs = (name: string) =>
      (placements[kind] ?? []).flat().reduce((sum, at) => sum + countedAt(name, at).macs, 0);
    const computing = cell.operations.filter((name) => name !== emptyOperation);
    // In a cell whose nodes are all its output, `none` everywhere would cut the network in two.
    const light = computing.includes("skip_connect") ? "skip_connect" : (computing[0] ?? emptyOperation);
    const heavy = computing.reduce((most, name) => (macs(name) >= macs(most) ? name : most), light);
    const hasEmpty = space.skeleton === "nas-bench-201" && cell.operations.includes(emptyOperation);
    return { kind, names: hasEmpty ? [emptyOperation, light, heavy] : [light, heavy] };
  });
  return ends.reduce<Selection[]>(
    (selections, { kind, names }) =>
      selections.flatMap((selection) =>
        names.map((name) => ({ ...selection, [kind]: edges.map(() => name) })),
      ),
    [{}],
  );
}

type Stressed = Record<string, string[]>;

/** Two operations of each kind of cell at a time, dealt so that all get their turns. */
function stressedPairs(space: SearchSpace, random: Random): () => Stressed {
  const decks: Record<string, string[]> = {};
  const deal = (kind: string, names: readonly string[]): string => {
    const deck = decks[kind]?.length ? decks[kind] : random.shuffle([...names]);
    decks[kind] = deck;
    return deck.pop() ?? emptyOperation;
  };
  return () =>
    Object.fromEntries(
      Object.entries(space.cells).map(([kind, { operations: all }]) => {
        const names = all.filter((name) => name !== emptyOperation);
        return [kind, [deal(kind, names), deal(kind, names)]];
      }),
    );
}

function stressedSelection(space: SearchSpace, stressed: Stressed, random: Random): Selection {
  const selection = randomSelection(space, random);
  for (const [kind, chosen] of Object.entries(selection)) {
    const names = stressed[kind] ?? [];
    selection[kind] = chosen.map((name) =>
      random.uniform() < stressedShare ? (names[random.integer(names.length)] ?? name) : name,
    );
  }
  return selection;
}
