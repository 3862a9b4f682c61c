/**
 * What the providers' fakes have in common: machines with prices, hosts and boot delays, on a clock that the test moves,
 * and faults that it switches on. It knows no wire format: each fake puts its provider's in front. Pure: it runs in
 * workerd as in Node.
 */

export type Operation = "quote" | "launch" | "get" | "list" | "terminate" | "billing";

export interface FakeOffer {
  id: string;
  /** As a specification names it. */
  gpu: string;
  gpuMemoryGb: number;
  priceUsdPerHour: number;
  host: string;
  location: string;
  /** Machines of it that can still be launched. */
  capacity: number;
}

export interface FakeMachine {
  id: string;
  name: string;
  offer: FakeOffer;
  priceUsdPerHour: number;
  interruptible: boolean;
  image: string;
  env: Record<string, string>;
  /** Cloud-init, where the provider takes it instead of an image. */
  userData: string | null;
  createdAt: number;
  /** When it runs, unless something comes between; infinite for one that never will. */
  runsAt: number;
  /** From then on it is stopped, and billed on. */
  stoppedAt: number | null;
  stop: "exited" | "preempted" | "failed" | null;
  /** When it was first told to end, whether or not that was done. */
  toldToEndAt: number | null;
  /** Billed until then. */
  deletedAt: number | null;
}

/** The least time between two requests of these operations; of any where none are given. */
export interface FakeLimit {
  operations?: readonly Operation[];
  everyMs: number;
}

/** What an operation meets once. */
export type OnceFault =
  /** 500, and nothing was done. */
  | { kind: "error" }
  /** Launch only: 500, and the machine exists. */
  | { kind: "errorAfterwards" }
  | { kind: "rate"; retryAfterSeconds: number | null }
  | { kind: "capacity" }
  | { kind: "balance" }
  | { kind: "auth" }
  /** Launch only: the request breaks a rule. */
  | { kind: "invalid" }
  /** Launch only: refused, and nothing tells whether a rule is broken or nothing is free. */
  | { kind: "unclear" }
  /** A body that cannot be read. */
  | { kind: "malformed" }
  /** The connection breaks; for launch the machine exists. */
  | { kind: "broken" };

export interface Faults {
  once: Partial<Record<Operation, OnceFault[]>>;
  /** Machines launched from now on never run. */
  neverRun: boolean;
  /** Machines stop by themselves so many seconds after they ran. */
  exitsAfterSeconds: number | null;
  /** Deletes are answered as ever, and the machine is billed on. */
  deletesLie: boolean;
  /** Lists show the machines as they were so long ago. */
  listLagSeconds: number;
  /** Bills end so long ago. */
  billingLagSeconds: number;
}

export interface FakeCloudOptions {
  now: () => number;
  offers: FakeOffer[];
  bootSeconds: number;
  /** The one that is accepted. */
  key: string;
}

export type FakeState = "provisioning" | "running" | "exited" | "preempted" | "failed" | "gone";

export class FakeCloud {
  readonly key: string;
  readonly offers: FakeOffer[];
  readonly machines: FakeMachine[] = [];
  readonly faults: Faults = {
    once: {},
    neverRun: false,
    exitsAfterSeconds: null,
    deletesLie: false,
    listLagSeconds: 0,
    billingLagSeconds: 0,
  };
  bootSeconds: number;
  /** How often each operation was asked for, faults included. */
  readonly calls: Record<Operation, number> = {
    quote: 0,
    launch: 0,
    get: 0,
    list: 0,
    terminate: 0,
    billing: 0,
  };
  /** Requests that were refused because they came too soon. */
  tooSoon = 0;
  /** Told of every machine that was made, so that a test can start a process as one. */
  onLaunch: ((machine: FakeMachine) => void) | undefined;
  onDelete: ((machine: FakeMachine) => void) | undefined;
  readonly #now: () => number;
  readonly #lastAt = new Map<FakeLimit, number>();
  #made = 0;

  constructor({ now, offers, bootSeconds, key }: FakeCloudOptions) {
    this.#now = now;
    this.offers = offers;
    this.bootSeconds = bootSeconds;
    this.key = key;
  }

  now(): number {
    return this.#now();
  }

  /** Whether a provider with these limits refuses a call now; only one that it takes counts. */
  isTooSoon(operation: Operation, limits: readonly FakeLimit[]): boolean {
    const now = this.#now();
    const own = limits.filter(({ operations }) => operations?.includes(operation) ?? true);
    if (own.some((limit) => now - (this.#lastAt.get(limit) ?? Number.NEGATIVE_INFINITY) < limit.everyMs)) {
      this.tooSoon++;
      return true;
    }
    for (const limit of own) this.#lastAt.set(limit, now);
    return false;
  }

  /** The fault that this call meets, if any. */
  meet(operation: Operation): OnceFault | undefined {
    this.calls[operation]++;
    return this.faults.once[operation]?.shift();
  }

  /** @returns null where the offer is gone or used up */
  launch(
    offerId: string,
    request: Pick<FakeMachine, "name" | "image" | "env" | "userData" | "interruptible"> & {
      bidUsdPerHour?: number;
    },
  ): FakeMachine | null {
    const offer = this.offers.find(({ id }) => id === offerId);
    if (offer === undefined || offer.capacity <= 0) return null;
    offer.capacity--;
    const createdAt = this.#now();
    const runsAt = this.faults.neverRun ? Number.POSITIVE_INFINITY : createdAt + 1000 * this.bootSeconds;
    const exitsAfter = this.faults.exitsAfterSeconds;
    const { bidUsdPerHour, ...rest } = request;
    const machine: FakeMachine = {
      id: `m${++this.#made}`,
      offer: { ...offer },
      priceUsdPerHour: bidUsdPerHour ?? offer.priceUsdPerHour,
      ...rest,
      createdAt,
      runsAt,
      stoppedAt: exitsAfter === null ? null : runsAt + 1000 * exitsAfter,
      stop: exitsAfter === null ? null : "exited",
      toldToEndAt: null,
      deletedAt: null,
    };
    this.machines.push(machine);
    this.onLaunch?.(machine);
    return machine;
  }

  find(id: string): FakeMachine | undefined {
    return this.machines.find((machine) => machine.id === id);
  }

  /** What a list shows. */
  listed(): FakeMachine[] {
    const then = this.#now() - 1000 * this.faults.listLagSeconds;
    return this.machines.filter(
      ({ createdAt, deletedAt }) => createdAt <= then && (deletedAt ?? then + 1) > then,
    );
  }

  stateOf({ deletedAt, stoppedAt, stop, runsAt }: FakeMachine): FakeState {
    const now = this.#now();
    if (deletedAt !== null) return "gone";
    if (stoppedAt !== null && stoppedAt <= now) return stop ?? "exited";
    return runsAt <= now ? "running" : "provisioning";
  }

  /** Outbid, crashed or broken: it is billed until it is deleted. */
  stop(id: string, stop: "exited" | "preempted" | "failed"): void {
    const machine = this.find(id);
    if (machine === undefined) return;
    machine.stoppedAt = this.#now();
    machine.stop = stop;
  }

  /** @returns false where there is no such machine, or it is gone */
  delete(id: string): boolean {
    const machine = this.find(id);
    if (machine === undefined || machine.deletedAt !== null) return false;
    machine.toldToEndAt ??= this.#now();
    if (this.faults.deletesLie) return true;
    machine.deletedAt = this.#now();
    this.onDelete?.(machine);
    return true;
  }

  /** In US dollars, by the second, until now or its deletion, or until another time. */
  billedUsd(
    { createdAt, deletedAt, priceUsdPerHour }: FakeMachine,
    until = deletedAt ?? this.#now(),
  ): number {
    return ((until - createdAt) / 3_600_000) * priceUsdPerHour;
  }
}

/** A provider's HTTP in front of a cloud. */
export interface ProviderFake {
  cloud: FakeCloud;
  /** Variables that point an adapter at it, but for the base URL. */
  env: Record<string, string>;
  /** Name of the variable of the base URL. */
  baseUrlVariable: string;
  /** Answers as the provider would; rejects where the connection breaks. */
  handle(request: Request): Promise<Response>;
}
