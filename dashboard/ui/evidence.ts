/** What an accuracy rests on, in a sentence. Pure. */

const known: Record<string, string> = {
  table: "The accuracy is the table's.",
  "shared-weights":
    "The accuracy is the search's own estimate, by weights that all architectures share: good for ordering them, lower than what a training reaches.",
  "short-training": "The accuracy is of a short training of its own, on images held out from it.",
  "full-training":
    "It was trained to the end: the test accuracy is on images that the search never saw. The accuracy beside it is the one that the search chose by.",
};

export const evidenceSentence = (name: string): string =>
  Object.hasOwn(known, name) ? (known[name] ?? "") : "";
