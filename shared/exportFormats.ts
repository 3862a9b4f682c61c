/** The formats of a trained model: what the runner writes, the edge serves and the command line downloads. */

export interface ExportFormatFacts {
  /** The file as it is served; a client may put something before it. */
  fileName: string;
  mediaType: string;
  /** A tar of several files, which becomes a folder. */
  isArchive: boolean;
}

export const exportFormats = {
  genotype: { fileName: "genotype.txt", mediaType: "text/plain; charset=utf-8", isArchive: false },
  json: { fileName: "architecture.json", mediaType: "application/json", isArchive: false },
  tfjs: { fileName: "tfjs.tar", mediaType: "application/x-tar", isArchive: true },
  "saved-model": { fileName: "saved-model.tar", mediaType: "application/x-tar", isArchive: true },
  samples: { fileName: "samples.json", mediaType: "application/json", isArchive: false },
  onnx: { fileName: "model.onnx", mediaType: "application/octet-stream", isArchive: false },
} as const satisfies Record<string, ExportFormatFacts>;

export type ExportFormat = keyof typeof exportFormats;

export const exportFormatNames = Object.keys(exportFormats) as ExportFormat[];

/** Nothing for a name that is none of them. */
export const exportFormatOf = (name: string): ExportFormatFacts | undefined =>
  Object.hasOwn(exportFormats, name) ? exportFormats[name as ExportFormat] : undefined;
