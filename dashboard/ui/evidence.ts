/** What an accuracy rests on, as people are told. Pure. */

interface Evidence {
  title: string;
  /** A sentence. */
  text: string;
}

const known: Record<string, Evidence> = {
  table: { title: "table", text: "The accuracy is the table's." },
  "shared-weights": {
    title: "shared weights",
    text: "The accuracy is the search's own estimate, by weights that all architectures share: good for ordering them, lower than what a training reaches.",
  },
  "short-training": {
    title: "short training",
    text: "The accuracy is of a short training of its own, on images held out from it.",
  },
  "full-training": {
    title: "full training",
    text: "It was trained to the end: the test accuracy is on images that the search never saw. The accuracy beside it is the one that the search chose by.",
  },
};

export const evidenceOf = (name: string): Evidence =>
  Object.hasOwn(known, name) ? (known[name] ?? { title: name, text: "" }) : { title: name, text: "" };
