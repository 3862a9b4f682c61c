/** `nasturtium export`: what a final training leaves, as files. */

import { type ExportFormat, exportFormatNames, exportFormats } from "../../shared/exportFormats.ts";
import { type ArchiveFile, readTar, writeFiles } from "../archive.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, oneOf } from "../command.ts";

export const exportTraining: CommandRow = {
  name: "export",
  args: "<training>",
  description: "download a trained model",
  options: [
    {
      flags: "--format <format>",
      description: exportFormatNames.join(", "),
      parse: oneOf("--format", exportFormatNames),
      required: true,
    },
    { flags: "--out <folder>", description: "where to put it", required: true },
    { flags: "--force", description: "overwrite existing files" },
  ],
  async run(ctx, [id = ""], options) {
    const files = await downloadExport(ctx.client(), id, options.format as ExportFormat);
    const written = writeFiles(files, options.out as string, options.force === true);
    ctx.print({ training: id, format: options.format, files: written }, written.join("\n"));
  },
};

/** The files of one export. @throws CliError when there is none, or the archive is damaged */
export async function downloadExport(
  client: EdgeClient,
  trainingId: string,
  format: ExportFormat,
): Promise<ArchiveFile[]> {
  const response = await client.v1.trainings[":id"].exports[":format"].$get(
    { param: { id: trainingId, format } },
    { headers: { accept: "*/*" } },
  );
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { fileName, isArchive } = exportFormats[format];
  return isArchive ? readTar(bytes) : [{ name: fileName, bytes }];
}
