import { describe, expect, test } from "vitest";
import type { ReadText } from "./files.ts";
import { memoryLimits, outOfMemoryKills } from "./memory.ts";
import { requireThreads, runnerThreads, threadLimit } from "./threads.ts";

const MIB = 2 ** 20;

/** A machine that has these files only. */
const machine =
  (files: Record<string, string>): ReadText =>
  (file) =>
    files[file];

const free = (files: Record<string, string>) =>
  memoryLimits(machine(files)).map(({ what, freeBytes }) => [what, freeBytes / MIB]);

describe("the memory that may still be taken", () => {
  test("is what a cgroup of version 2, or one around it, leaves, with cached files counted as free", () => {
    const files = {
      "/proc/self/cgroup": "0::/box/inner\n",
      "/sys/fs/cgroup/box/inner/memory.max": "max\n",
      "/sys/fs/cgroup/box/inner/memory.current": `${100 * MIB}\n`,
      "/sys/fs/cgroup/box/memory.max": `${450 * MIB}\n`,
      "/sys/fs/cgroup/box/memory.current": `${300 * MIB}\n`,
      "/sys/fs/cgroup/box/memory.stat": `anon ${200 * MIB}\ninactive_file ${60 * MIB}\nactive_file ${40 * MIB}\n`,
    };
    expect(free(files)).toEqual([["the cgroup's limit of 450 MiB", 250]]);
  });

  test("is what a cgroup of version 1 leaves, also in a container that sees it as its root", () => {
    const files = {
      "/proc/self/cgroup": "9:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${512 * MIB}\n`,
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${512 * MIB}\n`,
      "/sys/fs/cgroup/memory/memory.stat": `total_inactive_file ${12 * MIB}\ntotal_active_file ${100 * MIB}\n`,
    };
    expect(free(files)).toEqual([["the cgroup's limit of 512 MiB", 112]]);
    const unlimited = { ...files, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" };
    expect(free(unlimited)).toEqual([]);
  });

  test("is what ulimit -v and -d leave, of which allocators take more than they use", () => {
    const files = {
      "/proc/self/limits": [
        "Limit                     Soft Limit           Hard Limit           Units     ",
        `Max data size             ${900 * MIB}            unlimited            bytes     `,
        "Max address space         unlimited            unlimited            bytes     ",
      ].join("\n"),
      "/proc/self/status": `VmSize:\t ${9000 * 1024} kB\nVmData:\t  ${700 * 1024} kB\n`,
    };
    expect(free(files)).toEqual([["ulimit -d of 900 MiB", 200]]);
    const [limit] = memoryLimits(machine(files));
    expect(limit?.counted(100 * MIB)).toBeGreaterThan(200 * MIB);
    expect(limit?.isKilled).toBe(false);
  });

  test("is what the machine has available, with its swap", () => {
    const text = `MemTotal: ${2048 * 1024} kB\nMemFree: 1 kB\nMemAvailable: ${512 * 1024} kB\nSwapFree: ${256 * 1024} kB\n`;
    expect(free({ "/proc/meminfo": text })).toEqual([["this machine's memory of 2048 MiB", 768]]);
  });

  test("is not known where there is no /proc", () => {
    expect(free({})).toEqual([]);
    expect(outOfMemoryKills(machine({}))).toBe(0);
  });
});

describe("the threads that may still be started", () => {
  const row = "Max processes             100                  100                  processes ";
  const status = (user: number, threads: number, capabilities = "0000000000000000") =>
    `Uid:\t${user}\t${user}\t${user}\t${user}\nThreads:\t${threads}\nCapEff:\t${capabilities}\n`;

  test("are the fewest that pids.max of a cgroup and ulimit -u leave", () => {
    const files = {
      "/proc/self/cgroup": "8:pids:/box\n0::/box\n",
      "/sys/fs/cgroup/pids/box/pids.max": "64\n",
      "/sys/fs/cgroup/pids/box/pids.current": "50\n",
      "/proc/self/limits": row,
      "/proc/self/status": status(1000, 7),
      "/proc/1/status": status(0, 900),
      "/proc/20/status": status(1000, 60),
      "/proc/21/status": status(1000, 7),
    };
    const processes = () => ["1", "20", "21"];
    expect(threadLimit(machine(files), processes)).toEqual({ what: "the cgroup's pids.max of 64", free: 14 });
    const { "/proc/self/cgroup": _, ...withoutCgroup } = files;
    expect(threadLimit(machine(withoutCgroup), processes)).toEqual({ what: "ulimit -u of 100", free: 33 });
  });

  test("are not bound by ulimit -u for who may exceed it", () => {
    const files = { "/proc/self/limits": row, "/proc/self/status": status(0, 7, "000001ffffffffff") };
    expect(threadLimit(machine(files), () => [])).toBeUndefined();
  });

  test("give a message with what is needed, there and to do, instead of an abort", () => {
    const limit = { what: "the cgroup's pids.max of 20", free: 9 };
    expect(() => requireThreads("TensorFlow", 17, limit)).toThrow(
      "TensorFlow needs about 17 threads more, and the cgroup's pids.max of 20 leaves 9.",
    );
    expect(() => requireThreads("TensorFlow", 9, limit)).not.toThrow();
  });

  test("are counted by the sizes of TensorFlow's pools", () => {
    const one = runnerThreads({ TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" }, 64);
    expect(runnerThreads({}, 1)).toBe(one);
    expect(runnerThreads({}, 8) - one).toBe(7 * 3);
  });
});
