import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { openGpuMeter, openHttpMeter, openRapl, powerIntegral } from "./energy.ts";
import { conditionsReader } from "./fingerprint.ts";

const root = mkdtempSync(path.join(tmpdir(), "nasturtium-energy-"));
afterAll(() => rmSync(root, { recursive: true }));

function write(file: string, text: string | number): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), `${text}\n`);
}

describe("RAPL", () => {
  function zone(folder: string, name: string, energy: number): void {
    write(`${folder}/name`, name);
    write(`${folder}/energy_uj`, energy);
    write(`${folder}/max_energy_range_uj`, 1_000_000);
  }

  test("adds up the packages, each once, and goes on where a counter starts again", async () => {
    zone("powercap/intel-rapl:0", "package-0", 400_000);
    zone("powercap/intel-rapl:1", "package-1", 990_000);
    zone("powercap/intel-rapl:2", "psys", 1);
    zone("powercap/intel-rapl:0:0", "core", 1);
    const meter = openRapl(path.join(root, "powercap"));
    expect(meter?.name).toBe("RAPL package-0, package-1");
    const before = (await meter?.readMillijoules()) ?? 0;
    write("powercap/intel-rapl:0/energy_uj", 450_000);
    write("powercap/intel-rapl:1/energy_uj", 20_000);
    write("powercap/intel-rapl:2/energy_uj", 900_000);
    expect(((await meter?.readMillijoules()) ?? 0) - before).toBe(50 + 30);
  });

  test("is none where there is nothing to read", () => {
    expect(openRapl(path.join(root, "nowhere"))).toBeNull();
  });
});

test("power is added up over time whatever the intervals are", () => {
  const power = powerIntegral();
  power.add(10, 0);
  power.add(20, 100);
  power.add(20, 150);
  expect(power.read(200)).toBe(1500 + 1000 + 1000);
});

describe("NVIDIA's meter", () => {
  function program(name: string, text: string): string {
    const file = path.join(root, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  test.skipIf(process.platform === "win32")("adds up what the driver tells", async () => {
    const meter = await openGpuMeter(program("smi", "while true; do echo 70.5; sleep 0.02; done"));
    const [before, sinceMs] = [(await meter?.readMillijoules()) ?? 0, performance.now()];
    let millijoules = 0;
    while (millijoules < 10_000) {
      await new Promise(setImmediate);
      millijoules = ((await meter?.readMillijoules()) ?? 0) - before;
    }
    meter?.close();
    // Up to a sample late or early, and later where the machine is busy.
    const watts = millijoules / (performance.now() - sinceMs);
    expect(watts).toBeGreaterThan(60);
    expect(watts).toBeLessThan(80);
  });

  test.skipIf(process.platform === "win32")("is none where the driver tells nothing", async () => {
    expect(await openGpuMeter(program("smi-na", "echo '[N/A]'"))).toBeNull();
    expect(await openGpuMeter(path.join(root, "no-such-program"))).toBeNull();
  });
});

describe("an external meter", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function serve(answer: () => string): Promise<string> {
    server = createServer((_, response) => response.end(answer()));
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  test("may count millijoules up", async () => {
    let millijoules = 100;
    const meter = await openHttpMeter(await serve(() => JSON.stringify({ millijoules })));
    expect(await meter.readMillijoules()).toBe(100);
    millijoules = 350.5;
    expect(await meter.readMillijoules()).toBe(350.5);
  });

  test("may tell watts, which are added up", async () => {
    const meter = await openHttpMeter(await serve(() => '{"watts": 12}'));
    const [before, sinceMs] = [await meter.readMillijoules(), performance.now()];
    let millijoules = 0;
    while (millijoules < 3000) millijoules = (await meter.readMillijoules()) - before;
    meter.close();
    expect(millijoules / (performance.now() - sinceMs)).toBeCloseTo(12, 0);
  });

  test("that gives neither is refused with its address", async () => {
    const url = await serve(() => '{"watts": "many"}');
    await expect(openHttpMeter(url)).rejects.toThrow(`The meter at ${url} cannot be read: it gave neither`);
  });
});

describe("conditions", () => {
  test("are those of the processor, with its throttling since the last time", async () => {
    write("sys/class/thermal/thermal_zone0/type", "acpitz");
    write("sys/class/thermal/thermal_zone0/temp", 90_000);
    write("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp");
    write("sys/class/thermal/thermal_zone1/temp", 61_500);
    write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", 3);
    const conditions = conditionsReader(path.join(root, "sys"));
    expect(await conditions()).toEqual({ temperatureCelsius: 61.5, isThrottled: false });
    write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", 4);
    expect((await conditions()).isThrottled).toBe(true);
    expect((await conditions()).isThrottled).toBe(false);
    write("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq", 1_800_000);
    write("sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", 3_600_000);
    expect((await conditions()).isThrottled).toBe(true);
  });

  test("are null where the operating system does not tell", async () => {
    const conditions = conditionsReader(path.join(root, "nowhere"));
    expect(await conditions()).toEqual({ temperatureCelsius: null, isThrottled: null });
  });
});
