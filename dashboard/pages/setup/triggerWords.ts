/** What triggers listen to and how a sender is set up, in words. */

import type { GithubEvent } from "../../../shared/trigger.ts";
import type { Trigger } from "./types.ts";

/** As the form on GitHub calls them. */
export const githubEventTitles: Record<GithubEvent, string> = {
  push: "Pushes",
  release: "Releases",
  workflow_run: "Workflow runs",
};

export const githubEventNames = Object.keys(githubEventTitles) as GithubEvent[];

/** What is entered on GitHub, beside the address and the secret. */
export const githubSteps = ({ events = [] }: Pick<Trigger, "events">): readonly string[] => [
  "On GitHub, in the repository, open Settings, Webhooks, Add webhook.",
  "Payload URL: the address above. Content type: application/json. Secret: the trigger's secret.",
  "SSL verification stays enabled.",
  `Let me select individual events: ${events.map((event) => githubEventTitles[event]).join(", ")}; untick the others.`,
  "Active stays ticked. GitHub then sends a ping, which is answered and starts nothing.",
];

export const signedSteps: readonly string[] = [
  "Send JSON by POST to the address above, signed as Standard Webhooks 1.0.0 says.",
  "webhook-id: new for each request, the same when it is sent again.",
  "webhook-timestamp: seconds since 1970, within 5 minutes of now.",
  "webhook-signature: v1, a comma, and the base64 of HMAC-SHA256 over ID.TIMESTAMP.BODY; the key is what the base64 behind whsec_ stands for.",
];

export interface FilterRow {
  name: keyof Trigger["filters"];
  title: string;
  hint: string;
  /** The event that it is about; all without one. */
  event?: GithubEvent;
}

export const filterRows: readonly FilterRow[] = [
  {
    name: "refs",
    title: "Refs",
    hint: "Such as refs/heads/main, refs/tags/v*. Several by commas; every ref where it is empty.",
  },
  {
    name: "paths",
    title: "Changed files",
    hint: "Such as models/**. One of them must have changed.",
    event: "push",
  },
  {
    name: "actions",
    title: "What happened to the release",
    hint: "published where it is empty.",
    event: "release",
  },
  { name: "workflows", title: "Names of workflows", hint: "Any where it is empty.", event: "workflow_run" },
  {
    name: "conclusions",
    title: "How the run ended",
    hint: "Such as success; any where it is empty.",
    event: "workflow_run",
  },
];
