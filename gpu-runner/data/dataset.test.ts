import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadDataset } from "./dataset.ts";

const log = () => {};

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "dataset-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test.for(["imagenet", "toString"])("the unknown name %s is answered with the known ones", async (name) => {
  await expect(loadDataset(name, { log })).rejects.toThrow(
    `There is no data set ${name}. Known: fashion-mnist, cifar10, cifar100.`,
  );
});

test.for([
  ["fashion-mnist", "train-images-idx3-ubyte"],
  ["cifar10", "data_batch_1.bin"],
  ["cifar100", "train.bin"],
] as const)("a folder without the files of %s is answered with the missing path", async ([name, first]) => {
  const folder = await emptyFolder();
  const loading = loadDataset(name, { folder, log });
  await expect(loading).rejects.toThrow(`${path.join(folder, first)} is missing`);
  await expect(loading).rejects.not.toThrow("\n");
});

test("a folder that does not exist is named", async () => {
  const folder = path.join(await emptyFolder(), "nowhere");
  await expect(loadDataset("cifar10", { folder, log })).rejects.toThrow(
    `The folder ${folder} does not exist.`,
  );
});
