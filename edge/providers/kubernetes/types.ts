/** What a Kubernetes API server answers, as far as it is read; what it is sent has the types of `kubernetes-types`. */

import { z } from "zod";

/** Of a Job that was made, and of one that exists. */
export const jobSchema = z.object({
  metadata: z.object({ name: z.string().min(1), uid: z.string().min(1) }),
  status: z
    .object({
      /** Pods that run; what is older than 1.24 does not tell. */
      ready: z.number().nullish(),
      /** With `Complete` or `Failed` it has ended. */
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), reason: z.string().nullish() }))
        .nullish(),
    })
    .nullish(),
});
export type KubernetesJob = z.infer<typeof jobSchema>;

export const jobsSchema = z.object({
  metadata: z.object({ continue: z.string().nullish() }).nullish(),
  items: z.array(jobSchema),
});

const troubleSchema = z.object({ reason: z.string().nullish(), message: z.string().nullish() });

/** Of pods that do not run: which condition is not met, or what their container waits for. */
const podSchema = z.object({
  status: z
    .object({
      conditions: z.array(troubleSchema.extend({ type: z.string(), status: z.string() })).nullish(),
      containerStatuses: z
        .array(z.object({ state: z.object({ waiting: troubleSchema.nullish() }).nullish() }))
        .nullish(),
    })
    .nullish(),
});
export type Pod = z.infer<typeof podSchema>;
export const podsSchema = z.object({ items: z.array(podSchema) });

export const warningsSchema = z.object({ items: z.array(troubleSchema) });
export type Warning = z.infer<typeof troubleSchema>;

export const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

export const failureSchema = z.object({
  kind: z.literal("Status"),
  status: z.literal("Failure"),
  reason: z.string().nullish().catch(null),
  message: z.string().nullish().catch(null),
});
