/** What the command line reads of the edge's answers; other keys pass through. */

import { z } from "zod";
import { placeSchema } from "../shared/campaign.ts";
import { triggerSources } from "../shared/trigger.ts";

export const finishedStates: readonly string[] = ["completed", "failed", "cancelled"];

const values = z.record(z.string(), z.number().nullable());

export const searchSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  createdAt: z.union([z.string(), z.number()]).nullish(),
  failure: z.string().nullish(),
  progress: z
    .looseObject({
      round: z.number(),
      rounds: z.number(),
      evaluations: z.number().nullish(),
      frontSize: z.number().nullish(),
      bestAccuracy: z.number().nullish(),
      hypervolume: z.number().nullish(),
      idleShare: z.number().nullish(),
    })
    .nullish(),
  specification: z
    .looseObject({
      evaluation: z.looseObject({ kind: z.string() }).nullish(),
      objectives: z
        .array(z.looseObject({ name: z.string(), device: z.string().optional(), goal: z.string() }))
        .nullish(),
    })
    .nullish(),
});
export type Search = z.infer<typeof searchSchema>;

export const frontRowSchema = z.looseObject({
  hash: z.string(),
  text: z.string().nullish(),
  values,
  standardErrors: z.record(z.string(), z.number()).optional(),
});
export type FrontRow = z.infer<typeof frontRowSchema>;

/** An architecture trained at another size than the search's own. */
export const scaledRowSchema = z.looseObject({ hash: z.string(), channels: z.number(), layers: z.number() });

export const candidateSchema = z.looseObject({ hash: z.string().nullish(), values });
export type Candidate = z.infer<typeof candidateSchema>;

export const trainingSchema = z.looseObject({
  id: z.string(),
  searchId: z.string().nullish(),
  hash: z.string(),
  /** `rerank`: a short one that orders the archive. */
  purpose: z.string().optional(),
  state: z.string(),
  recipe: z.looseObject({ channels: z.number().optional(), layers: z.number().optional() }).optional(),
  failure: z.string().nullish(),
  progress: z.looseObject({ done: z.number(), total: z.number(), trainLoss: z.number().nullish() }).nullish(),
  report: z
    .looseObject({
      testAccuracy: z.number(),
      testLoss: z.number().nullish(),
      trainLoss: z.number().nullish(),
      parameters: z.number(),
      macs: z.number().nullish(),
      steps: z.number().nullish(),
      seconds: z.number().nullish(),
      exports: z.record(z.string(), z.unknown()).optional(),
    })
    .nullish(),
});
export type Training = z.infer<typeof trainingSchema>;

export const profileSchema = z.looseObject({
  ranges: z.record(
    z.string(),
    z.looseObject({ minimum: z.number(), median: z.number(), maximum: z.number() }),
  ),
  architectures: z.number(),
  steps: z.number(),
  rounds: z.number(),
  evaluations: z.number(),
  tuningSteps: z.number(),
  reranking: z.looseObject({ trainings: z.number(), steps: z.number() }),
});

export const eventSchema = z.looseObject({
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
});

export const campaignHeadSchema = z.looseObject({ id: z.string(), name: z.string(), createdAt: z.string() });

export const campaignSchema = campaignHeadSchema.extend({
  isOver: z.boolean(),
  specification: z.looseObject({ budget: z.looseObject({ gpuHours: z.number().optional() }).optional() }),
  spent: z.looseObject({ gpuHours: z.number() }),
  searches: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      place: placeSchema,
      gpuHours: z.number(),
      progress: z.looseObject({
        round: z.number(),
        rounds: z.number(),
        frontSize: z.number().nullish(),
        bestAccuracy: z.number().nullish(),
      }),
    }),
  ),
});
export type Campaign = z.infer<typeof campaignSchema>;

export const campaignFrontRowSchema = frontRowSchema.extend({
  searchId: z.string(),
  place: placeSchema,
  compared: z.string(),
  evidence: z.string(),
});
export type CampaignFrontRow = z.infer<typeof campaignFrontRowSchema>;

export const templateSchema = z.looseObject({
  name: z.string(),
  description: z.string(),
  placeholders: z.array(z.string()),
  specification: z.record(z.string(), z.unknown()).optional(),
  campaign: z.record(z.string(), z.unknown()).optional(),
});
export type Template = z.infer<typeof templateSchema>;

/** A search, or a campaign with its searches. */
export const startedSchema = z.looseObject({
  id: z.string(),
  searches: z.array(z.looseObject({ id: z.string() })).optional(),
});

export const triggerSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  template: z.string(),
  source: z.enum(triggerSources),
  events: z.array(z.string()).optional(),
  enabled: z.boolean(),
});
export const triggerWithSecretSchema = triggerSchema.extend({ secret: z.string() });
export type TriggerWithSecret = z.infer<typeof triggerWithSecretSchema>;

export const triggerDeliverySchema = z.looseObject({
  deliveryId: z.string(),
  event: z.string().nullable(),
  state: z.string(),
  reason: z.string().nullable(),
  searchId: z.string().nullable(),
  campaignId: z.string().nullable(),
  createdAt: z.string(),
});

/** A table's rewards are what its owner made them; elsewhere accuracy is in percent. */
export const isTabular = ({ specification }: Search): boolean =>
  specification?.evaluation?.kind === "tabular";

export const searchPath = (id: string, rest = ""): string => `/v1/searches/${encodeURIComponent(id)}${rest}`;
export const campaignPath = (id: string, rest = ""): string =>
  `/v1/campaigns/${encodeURIComponent(id)}${rest}`;
export const trainingPath = (id: string, rest = ""): string =>
  `/v1/trainings/${encodeURIComponent(id)}${rest}`;
export const templatePath = (name: string, rest = ""): string =>
  `/v1/templates/${encodeURIComponent(name)}${rest}`;
export const triggerPath = (id: string, rest = ""): string => `/v1/triggers/${encodeURIComponent(id)}${rest}`;
