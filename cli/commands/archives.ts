/** `nasturtium searches export` and `import`: a whole search as one file, from one deployment to another. */

import type { CommandRow, Context } from "../command.ts";
import { badInput } from "../errors.ts";
import { duration } from "../progress.ts";
import { downloadArchive, sendArchive } from "../searchArchive.ts";

export const archives: CommandRow[] = [
  {
    name: "searches export",
    args: "<id>",
    description: "store everything of a paused or finished search as one file, to be imported elsewhere",
    options: [{ flags: "--out <file>", description: "a tar that must not exist yet", required: true }],
    async run(ctx, [id = ""], options) {
      const file = options.out as string;
      if (file === "") throw badInput("--out names no file.", "Write it as --out search.tar.");
      const step = megabyteStep(ctx, "Receiving MB");
      const bytes = await step.during(downloadArchive(ctx.client(), id, file, step.update));
      ctx.print(
        { id, file, bytes },
        `Search ${id} is in ${file}, ${megabytes(bytes)} MB.\nImport it elsewhere: nasturtium searches import ${file} --edge URL`,
      );
    },
  },
  {
    name: "searches import",
    args: "<file>",
    description: "import a search from the file of an export, as a new one",
    async run(ctx, [file = ""]) {
      const step = megabyteStep(ctx, "Sending MB");
      const imported = await step.during(
        sendArchive(ctx.client(), file, (done, total) => {
          step.update(done, total);
          if (done === total) ctx.log("The edge checks the archive.");
        }),
      );
      const { id, importedFrom, state, missingData } = imported;
      ctx.print(
        imported,
        `Search ${importedFrom} is imported as ${id}, ${state}.\n${nextStep(id, state, missingData, file)}`,
      );
    },
  },
];

function nextStep(id: string, state: string, missingData: string | null, file: string): string {
  if (state !== "paused") return `See what it found: nasturtium front ${id}`;
  if (missingData === null) return `Go on with it: nasturtium searches resume ${id}`;
  return [
    `It cannot go on: the data "${missingData}" is not at this edge, or another version of it.`,
    `Push it (nasturtium data push FOLDER --name ${missingData}), then nasturtium searches delete ${id} and nasturtium searches import ${file}`,
  ].join("\n");
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** Megabytes of so many, or of a number that is not known. */
function megabyteStep(ctx: Context, label: string) {
  const startMs = performance.now();
  const step = ctx.progress(label, 1);
  return {
    update(bytes: number, total?: number) {
      const left = total === undefined ? 0 : ((performance.now() - startMs) / 1000 / bytes) * (total - bytes);
      const note = total === undefined || bytes === total ? "" : `${duration(left)} left`;
      step.update(Number(megabytes(bytes)), note, Math.max(0.1, Number(megabytes(total ?? bytes))));
    },
    async during<T>(work: Promise<T>): Promise<T> {
      try {
        const result = await work;
        step.finish();
        return result;
      } catch (error) {
        step.finish("stopped");
        throw error;
      }
    },
  };
}
