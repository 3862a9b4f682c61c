/**
 * Step of the image: the packages that a runner needs, and the binding of native TensorFlow for CUDA, built. Needs
 * no GPU. Outside a container it does the same to the checkout it lies in.
 *
 *     NASTURTIUM_CACHE=DIR node gpu-runner/image/install.mjs
 */

import { installPackages } from "../../setup/packages.mjs";
import { log, SetupError } from "../../setup/progress.mjs";
import { ensureTensorFlow } from "../../setup/tensorflow.mjs";

try {
  await installPackages(["--omit=dev"]);
  const env = { ...process.env, NASTURTIUM_TENSORFLOW: "cuda", NASTURTIUM_BACKEND: "tensorflow" };
  const { reason } = await ensureTensorFlow({ env });
  if (reason !== undefined) {
    throw new SetupError("The image needs native TensorFlow for CUDA.", "Mend what the line above says.");
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  log(error.message);
  log(error.fix);
  process.exitCode = 1;
}
