/** Files of a finished training, each a button that fetches it with the token. */

import { type ExportFormat, exportFormatNames, exportFormats } from "../../shared/exportFormats.ts";
import { send, type Training } from "../app/api.ts";
import { lineOf } from "../app/problem.ts";
import { Button } from "../ui/controls.tsx";
import { download } from "../ui/download.ts";
import { toast } from "../ui/toasts.tsx";

const titles: Record<ExportFormat, string> = {
  genotype: "Genotype",
  json: "Description",
  tfjs: "TensorFlow.js",
  "saved-model": "SavedModel",
  samples: "Sample images",
  onnx: "ONNX",
};

export async function fetchExport(trainingId: string, format: ExportFormat, signal?: AbortSignal) {
  return send(`/v1/trainings/${encodeURIComponent(trainingId)}/exports/${format}`, {
    headers: { accept: "*/*" },
    ...(signal && { signal }),
  });
}

export function Exports({ training: { id, hash, report } }: { training: Training }) {
  const formats = exportFormatNames.filter((format) => Object.hasOwn(report?.exports ?? {}, format));
  if (formats.length === 0) return null;
  const save = async (format: ExportFormat) => {
    try {
      const response = await fetchExport(id, format);
      download(`${hash}-${exportFormats[format].fileName}`, await response.blob());
    } catch (error) {
      toast(lineOf(error), "bad");
    }
  };
  return (
    <fieldset class="exports">
      <legend>Download</legend>
      <div class="buttons small">
        {formats.map((format) => (
          <Button key={format} onClick={() => save(format)}>
            {titles[format]}
          </Button>
        ))}
      </div>
    </fieldset>
  );
}
