/** PyTorch in a virtual environment of its own, installed into the cache on first use. */

import path from "node:path";
import { ensurePython } from "../../setup/python.ts";

const check = `
import warnings
warnings.simplefilter("ignore")
import torch
assert torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).item() == 9
`;

const here = (file: string): string => path.join(import.meta.dirname, file);

/**
 * @returns the Python that has PyTorch
 * @throws Error saying why PyTorch cannot be had
 */
export const ensureTorch = (): Promise<string> =>
  ensurePython({
    name: "torch",
    title: "PyTorch",
    requirements: [here("requirements.txt"), here("requirements-cuda.txt")],
    check,
    neededDiskGigabytes: 7,
  });
