/** The providers that there are: one row each, and of them those that the environment has the keys of. */

import { type ProviderName, providerNames } from "../../shared/specification.ts";
import { DigitalOcean } from "./digitalocean/adapter.ts";
import { Kubernetes } from "./kubernetes/adapter.ts";
import { Lambda } from "./lambda/adapter.ts";
import type { Provider, ProviderContext } from "./provider.ts";
import { RunPod } from "./runpod/adapter.ts";
import { Vast } from "./vast/adapter.ts";

interface Row {
  /** Variables without which it is not configured. */
  needs: readonly string[];
  make(context: ProviderContext): Provider;
}

const rows: Record<ProviderName, Row> = {
  runpod: { needs: ["RUNPOD_API_KEY"], make: (context) => new RunPod(context) },
  vast: { needs: ["VAST_API_KEY"], make: (context) => new Vast(context) },
  lambda: { needs: ["LAMBDA_API_KEY", "LAMBDA_SSH_KEY_NAME"], make: (context) => new Lambda(context) },
  digitalocean: { needs: ["DIGITALOCEAN_TOKEN"], make: (context) => new DigitalOcean(context) },
  kubernetes: {
    needs: ["KUBERNETES_BASE_URL", "KUBERNETES_TOKEN", "KUBERNETES_GPU"],
    make: (context) => new Kubernetes(context),
  },
};

/** @returns null where the environment lacks what it needs */
export function providerNamed(name: ProviderName, context: ProviderContext): Provider | null {
  const row = rows[name];
  if (row.needs.some((variable) => (context.env[variable] ?? "") === "")) return null;
  return row.make(context);
}

export const configuredProviders = (context: ProviderContext): Provider[] =>
  providerNames.flatMap((name) => providerNamed(name, context) ?? []);

/** What has to be set for a provider. */
export const variablesOf = (name: ProviderName): readonly string[] => rows[name].needs;
