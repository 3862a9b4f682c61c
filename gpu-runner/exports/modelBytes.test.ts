import { expect, test } from "vitest";
import { graphModelOf } from "../../device/network.ts";
import { countNetwork } from "../../shared/count.ts";
import { canonicalHash } from "../../shared/genotype.ts";
import type { NetworkSubject } from "../../shared/measuring.ts";
import { deriveNetwork } from "../../shared/network.ts";
import { Random } from "../../shared/random.ts";
import { genotypeFromSelection, randomSelection, resolveSpace } from "../../shared/space.ts";

test.each(["tnd-nas", "darts", "nas-bench-201"])(
  "modelBytes of a network of %s are within a hundredth of the exported model's weights",
  (name) => {
    const space = resolveSpace(name);
    const { skeleton } = space;
    if (skeleton === "positions") throw new Error("no networks");
    const random = new Random(7);
    for (let draw = 0; draw < 5; draw++) {
      const genotype = genotypeFromSelection(space, randomSelection(space, random));
      const size = { channels: 16, layers: 8, classes: 10, image: { height: 32, width: 32, channels: 3 } };
      const hash = canonicalHash(genotype, space);
      const subject: NetworkSubject = {
        ...{ key: hash, kind: "network", genotype, hash, skeleton, stem: "cifar", ...size },
      };
      const { artifacts } = graphModelOf(subject, 1);
      const bytes = (artifacts.weightData as ArrayBuffer).byteLength;
      const network = deriveNetwork({ genotype, skeleton, auxiliary: false, stem: "cifar", ...size });
      const { modelBytes } = countNetwork(network);
      expect(Math.abs(modelBytes / bytes - 1)).toBeLessThan(0.01);
    }
  },
);
