/** DigitalOcean's API: one method for each call, typed, and how it words errors. It decides nothing. */

import { z } from "zod";
import { type ErrorFormat, type ProviderCall, ProviderHttp } from "../http.ts";
import { type ProviderContext, ProviderError } from "../provider.ts";
import {
  createdSchema,
  type Droplet,
  type DropletRequest,
  dropletsSchema,
  failureSchema,
  oneDropletSchema,
  type Size,
  sizesSchema,
} from "./types.ts";

const defaultBaseUrl = "https://api.digitalocean.com/v2";
/** It would give 200, of which the droplets may be more than is read of one answer. */
const pageSize = 50;
/** More than any account has: a list that does not end is not one. */
const maxPages = 400;

const errors: ErrorFormat = {
  read(body) {
    const { data } = failureSchema.safeParse(body);
    return data === undefined ? null : { code: data.id, detail: data.message ?? "" };
  },
  rules: [
    {
      statuses: [422],
      operations: ["launch"],
      detail: /unavailable|not (currently )?available|capacity|sold out|out of stock|\blimit\b/i,
      fault: "capacity",
    },
  ],
};

/** What a page says besides its rows. */
interface Page {
  links?: { pages?: { next?: string | null | undefined } | null | undefined } | null | undefined;
}

export class DigitalOceanClient {
  readonly #http: ProviderHttp;

  constructor(context: ProviderContext) {
    const { DIGITALOCEAN_TOKEN: key = "", DIGITALOCEAN_BASE_URL: baseUrl = defaultBaseUrl } = context.env;
    this.#http = new ProviderHttp({ provider: "digitalocean", baseUrl, key, errors, context });
  }

  async sizes(): Promise<Size[]> {
    const call = { operation: "quote", path: "/sizes", schema: sizesSchema } as const;
    return (await this.#pages(call, {})).flatMap(({ sizes }) => sizes);
  }

  /**
   * @param secrets what is in its cloud-init and must be in no error
   * @returns the droplet's id
   */
  async create(body: DropletRequest, secrets: readonly string[]): Promise<string> {
    const { droplet } = await this.#http.call({
      operation: "launch",
      method: "POST",
      path: "/droplets",
      body,
      schema: createdSchema,
      secrets,
    });
    return droplet.id;
  }

  async droplet(id: string): Promise<Droplet | null> {
    const call = {
      operation: "get",
      method: "GET",
      path: dropletPath(id),
      schema: oneDropletSchema,
    } as const;
    return (await this.#http.find(call))?.droplet ?? null;
  }

  /** All that have GPUs. By default lists leave these out, and a tag cannot be asked for along with the type. */
  async gpuDroplets(): Promise<Droplet[]> {
    const call = { operation: "list", path: "/droplets", schema: dropletsSchema } as const;
    return (await this.#pages(call, { type: "gpus" })).flatMap(({ droplets }) => droplets);
  }

  async delete(id: string): Promise<void> {
    await this.#http.find({
      operation: "terminate",
      method: "DELETE",
      path: dropletPath(id),
      schema: z.unknown(),
    });
  }

  /** By number: the address of the next page may be of another host, which is not to have the key. */
  async #pages<T extends Page>(
    { operation, path, schema }: Pick<ProviderCall<T>, "operation" | "path" | "schema">,
    filter: Record<string, string>,
  ): Promise<T[]> {
    const pages: T[] = [];
    for (let number = 1; number <= maxPages; number++) {
      const query = new URLSearchParams({ ...filter, per_page: String(pageSize), page: String(number) });
      const page = await this.#http.call({ operation, method: "GET", path: `${path}?${query}`, schema });
      pages.push(page);
      if ((page.links?.pages?.next ?? "") === "") return pages;
    }
    throw new ProviderError("digitalocean", "invalid", `${operation}: there are more than ${maxPages} pages`);
  }
}

const dropletPath = (id: string): string => `/droplets/${encodeURIComponent(id)}`;
