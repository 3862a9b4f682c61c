/** Devices in the set-up: connected by a link, calibrated, quarantined, released and removed. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encode } from "uqr";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modulePath } from "../../../dashboard/pages/setup/deviceLink.ts";
import { type LeasedMeasureTask, measuringVersion } from "../../../shared/measuring.ts";
import { searchOnDevices } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const registration = (name: string) => ({
  measuringVersion,
  name,
  backend: { name: "wasm", versions: { tfjs: "4.22.0" }, threads: 1 },
  fingerprint: { platform: "<i>Android</i>", processor: "arm64", cores: 8, gpu: null, runtime: "Chrome 141" },
  objectives: [{ name: "latency", unit: "ms" }],
});

describe.skipIf(hasNoChromium())("devices in the set-up", () => {
  let world: World;
  let deviceToken: string;
  const endpoint = createServer((_, response) => response.writeHead(204).end());

  beforeAll(async () => {
    await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
    world = await startWorld({ vars: { NASTURTIUM_WEBHOOK_HOSTS: endpointHost() } });
    deviceToken = (await tokenWith(world, "device")).token;
  });
  afterAll(async () => {
    await world?.stop();
    endpoint.close();
  });

  const endpointHost = () => `127.0.0.1:${(endpoint.address() as AddressInfo).port}`;
  const button = ({ page }: View, name: string) => page.getByRole("button", { name, exact: true });

  async function asDevice(path: string, body: unknown): Promise<Response> {
    const headers = { authorization: `Bearer ${deviceToken}`, "content-type": "application/json" };
    return fetch(`${world.edge.edge.url}/v1${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
  }
  async function register(name: string): Promise<string> {
    const answer = await asDevice("/devices", registration(name));
    return ((await answer.json()) as { deviceId: string }).deviceId;
  }

  test("a link with its code connects a browser, which is then listed", async () => {
    const view = await openView(world, { at: "/setup/devices" });
    await button(view, "Connect a device").first().click();
    await view.page.getByLabel("Name", { exact: true }).fill("Not A Name");
    await button(view, "Make the link").click();
    await view.page.getByText("lower-case letters, digits and hyphens, at most 63").waitFor();
    await view.page.getByLabel("Name", { exact: true }).fill("this-browser");
    await view.page.getByLabel("Runs networks with").selectOption("wasm");
    await button(view, "Make the link").press("Enter");
    const link = await view.page.locator(".setup-secret").innerText();
    expect(link).toMatch(/\/device#token=nst_\w+&name=this-browser&backend=wasm$/);
    const code = view.page.getByRole("img", { name: "Code of the link for this-browser" });
    expect(await code.locator("path").getAttribute("d")).toBe(modulePath(encode(link, { border: 0 }).data));
    await view.isAccessible();
    await view.page.getByText("Waiting for it to come").waitFor();
    const device = await view.context.newPage();
    await device.goto(link);
    await view.page.getByRole("heading", { name: "this-browser is connected" }).waitFor();
    await view.page.getByRole("link", { name: "Look at this-browser" }).click();
    await view.page.getByText("latency in ms").waitFor();
    await view.close();
  });

  test("a device is calibrated for a search that names it; what it tells wrongly quarantines it until it is released", async () => {
    const id = await register("phone-lab");
    const view = await openView(world, { at: "/setup/devices/phone-lab" });
    await view.page.getByText("No search names it yet").waitFor();
    await view.page.getByText("<i>Android</i>").waitFor();
    await world.edge.create({ ...searchOnDevices("phone-lab"), name: "on the phone" });
    await view.page.reload();
    await view.page.getByLabel("For the space of").waitFor();
    await button(view, "Calibrate").click();
    await view.page.getByText(/tasks are left/).waitFor();
    const answer = await asDevice(`/devices/${id}/lease`, {});
    const { lease } = (await answer.json()) as { lease: LeasedMeasureTask };
    const [subject] = lease.task.subjects;
    await asDevice(`/tasks/${lease.task.taskId}/report`, {
      kind: "measure",
      leaseId: lease.leaseId,
      measuringVersion,
      backend: "wasm",
      results: [{ key: subject?.key, values: { latency: { median: -1, low: -2, high: 0, samples: 3 } } }],
      conditions: { clock: "test", temperatureCelsius: null, isThrottled: null, seconds: 1 },
    });
    await view.page.getByRole("heading", { name: "It is not believed any more" }).waitFor();
    await view.isAccessible();
    await view.goTo("/setup");
    await view.page.getByText("phone-lab: not believed any more").waitFor();
    await view.goTo("/setup/devices/phone-lab");
    await button(view, "Release it").click();
    await button(view, "Release it").waitFor({ state: "detached" });
    await view.page.getByText("active", { exact: true }).waitFor();
    await view.close();
  });

  test("an endpoint is added, its secret shown once, and removed after a question", async () => {
    const view = await openView(world, { at: "/setup/devices?new=endpoint" });
    await view.page.getByLabel("Name", { exact: true }).fill("simulator");
    await view.page.getByLabel("Address").fill("http://10.0.0.1/cost");
    await view.page.getByLabel("Objective 1", { exact: true }).fill("cost");
    await view.page.getByLabel("Unit of objective 1").fill("cents");
    await button(view, "One more objective").click();
    await button(view, "Take the last away").click();
    await button(view, "Add the endpoint").click();
    await view.page.getByText("Correct the marked field").waitFor();
    await view.page.getByLabel("Address").fill(`http://${endpointHost()}/cost`);
    await button(view, "Add the endpoint").click();
    expect(await view.page.locator(".setup-secret").innerText()).toMatch(/^whsec_/);
    await button(view, "I have stored it").click();
    await view.page.getByRole("link", { name: "simulator" }).click();
    await view.page.getByText("endpoint that is asked").waitFor();
    await button(view, "Remove the device").click();
    await button(view, "Remove it").click();
    await view.page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
    await view.page.getByRole("link", { name: "simulator" }).waitFor({ state: "detached" });
    await view.close();
  });

  test("the list and a device suit all, in every look", async () => {
    await register("board");
    const view = await openView(world, { size: "phone", at: "/setup/devices" });
    await view.page.getByRole("link", { name: "board" }).waitFor();
    await view.suitsAll();
    await view.goTo("/setup/devices/board");
    await view.page.getByText("No search names it yet").waitFor();
    await view.suitsAll();
    await view.close();
  });
});
