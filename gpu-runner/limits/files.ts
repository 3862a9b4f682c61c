/** What Linux says about this process in /proc and in the files of its cgroups. */

import { readFileSync } from "node:fs";

/** The content of a file, or undefined where it cannot be read. */
export type ReadText = (file: string) => string | undefined;

export const readText: ReadText = (file) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
};

export interface CgroupFolder {
  version: 1 | 2;
  folder: string;
}

/** The folders of this process's cgroups that may limit it: its own, then those around it. Empty outside of Linux. */
export function cgroupFolders(controller: "memory" | "pids", read: ReadText): CgroupFolder[] {
  const found = (read("/proc/self/cgroup") ?? "").split("\n").flatMap((line): CgroupFolder[] => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) return [];
    const isFirst = controllers.split(",").includes(controller);
    if (!isFirst && controllers !== "") return [];
    const mounts = isFirst ? [controllers, controller] : ["", "unified"];
    return mounts.flatMap((mount) =>
      withParents(path).map((part) => ({
        version: isFirst ? 1 : 2,
        folder: `/sys/fs/cgroup${mount === "" ? "" : `/${mount}`}${part}`,
      })),
    );
  });
  return [...new Map(found.map((entry) => [entry.folder, entry])).values()];
}

/** @example withParents("/a/b") // ["/a/b", "/a", ""] */
function withParents(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, index) =>
    parts
      .slice(0, parts.length - index)
      .map((part) => `/${part}`)
      .join(""),
  );
}

/** The number of a line such as `VmSize:  12 kB` or `inactive_file 12`; undefined where there is none. */
export function field(text: string | undefined, name: string): number | undefined {
  const found = new RegExp(`^${name}:?\\s+(\\d+)`, "m").exec(text ?? "");
  return found ? Number(found[1]) : undefined;
}

/** The soft limit of a row of /proc/self/limits; undefined where there is none. */
export function softLimit(name: string, read: ReadText): number | undefined {
  return field(read("/proc/self/limits"), name);
}

/** A file that holds one number; undefined where it says `max`. */
export function numberIn(file: string, read: ReadText): number | undefined {
  const text = read(file)?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
