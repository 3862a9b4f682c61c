/** Providers in words. */

import type { Provider } from "./types.ts";

/** As people write them, and the secrets of the Worker that each needs. */
export const providerRows: Record<Provider["name"], { title: string; secrets: readonly string[] }> = {
  runpod: { title: "RunPod", secrets: ["RUNPOD_API_KEY"] },
  vast: { title: "Vast.ai", secrets: ["VAST_API_KEY"] },
  lambda: { title: "Lambda", secrets: ["LAMBDA_API_KEY", "LAMBDA_SSH_KEY_NAME"] },
  digitalocean: { title: "DigitalOcean", secrets: ["DIGITALOCEAN_TOKEN"] },
  kubernetes: {
    title: "Kubernetes",
    secrets: ["KUBERNETES_BASE_URL", "KUBERNETES_TOKEN", "KUBERNETES_GPU"],
  },
};
