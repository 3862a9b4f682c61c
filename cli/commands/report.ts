/** `nasturtium report`: a search as one HTML file, for those who have no token. */

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { CommandRow } from "../command.ts";
import { badInput, reasonOf } from "../errors.ts";
import { readReport } from "../report/data.ts";

export const report: CommandRow = {
  name: "report",
  args: "<id>",
  description: "store a search with its pictures as one HTML file",
  options: [
    { flags: "--out <file>", description: "where to put it", required: true },
    { flags: "--force", description: "overwrite an existing file" },
  ],
  async run(ctx, [id = ""], options) {
    const file = path.resolve(options.out as string);
    const isForced = options.force === true;
    if (!isForced && existsSync(file)) throw exists(options.out as string);
    const data = await readReport(ctx.client(), id);
    // With the charts, which no other command needs.
    const { reportDocument } = await import("../report/document.ts");
    const html = reportDocument(data);
    await writeFile(file, html).catch((error: unknown) => {
      throw badInput(
        `${options.out} cannot be written: ${reasonOf(error)}.`,
        "Name a file in a folder that exists.",
      );
    });
    const bytes = Buffer.byteLength(html);
    ctx.print(
      { search: id, report: file, bytes },
      `${file}\nOne file of ${Math.ceil(bytes / 1024).toLocaleString("en-US")} KiB: open it in a browser, or send it to somebody.`,
    );
  },
};

const exists = (file: string) =>
  badInput(`${file} exists already.`, "Choose another --out, or overwrite it with --force.");
