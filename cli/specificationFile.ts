/** Reads a search specification from a JSON or YAML file and says which field is wrong. */

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { parse } from "yaml";
import type { CampaignInput } from "../shared/campaign.ts";
import type { FieldError, SpecificationInput } from "../shared/specification.ts";
import { checkTemplate, type TemplateInput } from "../shared/template.ts";
import { checkTrigger, type TriggerInput } from "../shared/trigger.ts";
import { campaignErrors, checkSpecification } from "../shared/validate.ts";
import { badInput, reasonOf } from "./errors.ts";

/**
 * The specification as written, after checking that it is valid and possible. Whether a data set that is not built
 * in was pushed, only the edge knows.
 *
 * @param file path, or `-` for stdin
 * @throws CliError with the JSON pointer of each field that is wrong
 */
export async function readSpecification(file: string): Promise<SpecificationInput> {
  const value = await readValue(file);
  const { errors } = checkSpecification(value, "elsewhere");
  if (errors !== undefined) throw refused(file, errors);
  return value as SpecificationInput;
}

/**
 * The campaign as written, after the same checks of each of its searches.
 *
 * @throws CliError with the JSON pointer of each field that is wrong
 */
export async function readCampaign(file: string): Promise<CampaignInput> {
  const value = await readValue(file);
  const errors = campaignErrors(value);
  if (errors.length > 0) throw refused(file, errors, "campaign");
  return value as CampaignInput;
}

/**
 * The template as written, after checking what holds whatever its placeholders' values will be.
 *
 * @throws CliError with the JSON pointer of each field that is wrong
 */
export async function readTemplate(file: string): Promise<TemplateInput> {
  const value = await readValue(file);
  const { errors } = checkTemplate(value);
  if (errors !== undefined) throw refused(file, errors, "template");
  return value as TemplateInput;
}

/**
 * The trigger as written; whether it fits its template, only the edge knows.
 *
 * @throws CliError with the JSON pointer of each field that is wrong
 */
export async function readTrigger(file: string): Promise<TriggerInput> {
  const value = await readValue(file);
  const { errors } = checkTrigger(value);
  if (errors !== undefined) throw refused(file, errors, "trigger");
  return value as TriggerInput;
}

const readValue = async (file: string): Promise<unknown> => parseText(file, await readText(file));

/** A file's text, or stdin's for `-`. */
export async function readText(file: string): Promise<string> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw badInput(`${file} cannot be read: ${reasonOf(error)}.`, "Give an existing file, or - for stdin.");
  }
}

function parseText(file: string, written: string): unknown {
  try {
    return file.endsWith(".json") ? JSON.parse(written) : parse(written);
  } catch (error) {
    const reason = reasonOf(error).split("\n")[0]?.replace(/:$/, "");
    throw badInput(`${file} is not valid JSON or YAML: ${reason}.`, "Correct the file and try again.");
  }
}

function refused(file: string, errors: readonly FieldError[], what = "specification") {
  const fields = errors.map(({ pointer, detail }) => `${pointer || "/"}: ${detail}`).join("; ");
  return badInput(`${file} is not a valid ${what}. ${fields}.`, "Correct these fields and try again.");
}
