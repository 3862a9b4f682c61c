"""Networks of shared/network.ts in PyTorch, run eagerly, and the process that times their steps.

Reads a request a line from stdin and answers each with a line on stdout, both JSON; bench/runnerProtocol.ts says
what they hold. Knows nothing of what is compared with it.
"""

import json
import struct
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

warnings.filterwarnings("ignore", message="Failed to initialize NumPy")  # nothing here uses it

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

MEMORY_FORMATS = {"channels_last": torch.channels_last, "nchw": torch.contiguous_format}

Json = dict[str, Any]


class Offset(nn.Module):
    """Drops the first row and column and adds zeros at the end."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))


class Zero(nn.Module):
    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class GlobalAvgPool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class Concat(nn.Module):
    def __init__(self, branches: list[nn.Module]):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Sum(nn.Module):
    def __init__(self, branches: list[nn.Module]):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return weighted_sum((branch(x), 1) for branch in self.branches)


class Activation:
    """A tensor that several lists of layers take as input, with its ReLU, computed once however many start with it."""

    __slots__ = ("_relu", "value")

    def __init__(self, value: Tensor):
        self.value = value
        self._relu: Tensor | None = None

    def relu(self) -> Tensor:
        if self._relu is None:
            self._relu = F.relu(self.value)
        return self._relu


class LayerList(nn.Module):
    """Layers one after the other on a shared input."""

    def __init__(self, starts_with_relu: bool, rest: nn.Sequential):
        super().__init__()
        self.starts_with_relu = starts_with_relu
        self.rest = rest

    def forward(self, x: Activation) -> Tensor:
        return self.rest(x.relu() if self.starts_with_relu else x.value)


class NamedParameter(NamedTuple):
    value: nn.Parameter
    #: The order in which PyTorch has the dimensions of the description's weight.
    permutation: tuple[int, ...]


class Builder:
    """Makes modules of descriptions and remembers each parameter under its name there."""

    def __init__(self, moving_statistics: bool):
        self.moving_statistics = moving_statistics
        self.named: dict[str, NamedParameter] = {}

    def shared_input(self, description: Json) -> LayerList:
        layers, path = description["layers"], description["path"]
        starts_with_relu = len(layers) > 0 and layers[0]["kind"] == "relu"
        return LayerList(starts_with_relu, self.sequential(layers, path, int(starts_with_relu)))

    def sequential(self, layers: list[Json], path: str, first: int = 0) -> nn.Sequential:
        modules = []
        for index, layer in enumerate(layers[first:], first):
            follows_norm = index > 0 and layers[index - 1]["kind"] == "batchNorm"
            modules.append(self.layer(layer, f"{path}.{index}", follows_norm))
        return nn.Sequential(*modules)

    def layer(self, layer: Json, path: str, follows_norm: bool) -> nn.Module:
        match layer["kind"]:
            case "relu":
                return nn.ReLU(inplace=follows_norm)  # a batch norm's gradient does not need its output
            case "identity":
                return nn.Identity()
            case "zero":
                return Zero(layer["stride"])
            case "offset":
                return Offset()
            case "conv":
                conv = nn.Conv2d(
                    layer["inputs"],
                    layer["outputs"],
                    tuple(layer["kernel"]),
                    tuple(layer["stride"]),
                    tuple(layer["padding"]),
                    bias=layer["bias"],
                )
                return self.remember(conv, path, weight=(3, 2, 0, 1), bias=(0,))
            case "depthwiseConv":
                channels = layer["channels"]
                conv = nn.Conv2d(
                    channels,
                    channels,
                    layer["kernel"],
                    layer["stride"],
                    layer["padding"],
                    layer["dilation"],
                    groups=channels,
                    bias=False,
                )
                return self.remember(conv, path, weight=(2, 3, 0, 1))
            case "batchNorm":
                norm = nn.BatchNorm2d(
                    layer["channels"], affine=layer["affine"], track_running_stats=self.moving_statistics
                )
                return self.remember(norm, path, {"scale": "weight", "shift": "bias"}, scale=(0,), shift=(0,))
            case "maxPool":
                return nn.MaxPool2d(layer["size"], layer["stride"], layer["padding"])
            case "avgPool":
                return nn.AvgPool2d(
                    layer["size"], layer["stride"], layer["padding"], count_include_pad=False
                )
            case "globalAvgPool":
                return GlobalAvgPool()
            case "linear":
                linear = nn.Linear(layer["inputs"], layer["outputs"])
                return self.remember(linear, path, weight=(1, 0), bias=(0,))
            case "concat":
                return Concat(self.branches(layer, path))
            case "sum":
                return Sum(self.branches(layer, path))
            case kind:
                raise ValueError(f"there is no layer {kind}")

    def branches(self, layer: Json, path: str) -> list[nn.Module]:
        return [
            self.sequential(branch, f"{path}.{index}") for index, branch in enumerate(layer["branches"])
        ]

    def remember(
        self,
        module: nn.Module,
        path: str,
        attributes: dict[str, str] | None = None,
        **permutations: tuple[int, ...],
    ) -> nn.Module:
        for name, permutation in permutations.items():
            parameter = getattr(module, (attributes or {}).get(name, name))
            if parameter is not None:
                self.named[f"{path}.{name}"] = NamedParameter(parameter, permutation)
        return module


class Choice(nn.Module):
    def __init__(self, description: Json, build: Builder):
        super().__init__()
        self.layers = build.shared_input(description)
        self.is_none = description["isNone"]
        self.is_identity = all(layer["kind"] == "identity" for layer in description["layers"])

    def forward(self, x: Activation, drop_path: float) -> Tensor:
        y = self.layers(x)
        if drop_path > 0 and not self.is_identity:
            kept = 1 - drop_path
            y.mul_(y.new_empty(y.shape[0], 1, 1, 1).bernoulli_(kept).div_(kept))
        return y


class Edge(nn.Module):
    def __init__(self, description: Json, build: Builder):
        super().__init__()
        self.source: int = description["from"]
        self.target: int = description["to"]
        self.position: int = description["position"]
        self.choices = nn.ModuleList(Choice(choice, build) for choice in description["choices"])

    def chosen(self, path: Json, kind: str) -> Iterator[tuple[Choice, float]]:
        """The choices that take part, each with the factor of its output."""
        match path["kind"]:
            case "only":
                shares = [(0, 1)]
            case "single":
                shares = [(path["selection"][kind][self.position], 1)]
            case "mixture":
                shares = enumerate(path["weights"][kind][self.position])
        for index, share in shares:
            choice = self.choices[index]
            if share != 0 and not choice.is_none:
                yield choice, share


class Cell(nn.Module):
    def __init__(self, description: Json, build: Builder):
        super().__init__()
        self.kind: str = description["kind"]
        self.stride: int = description["stride"]
        self.input_states: list[int] = description["inputStates"]
        self.preprocess = nn.ModuleList(build.shared_input(lists) for lists in description["preprocess"])
        edges = [Edge(edge, build) for edge in description["edges"]]
        inputs = len(self.preprocess)
        self.incoming = nn.ModuleList(
            nn.ModuleList(edge for edge in edges if edge.target == node)
            for node in range(inputs, inputs + description["nodes"])
        )
        self.concat: list[int] = description["concat"]

    def forward(self, states: list[Activation], path: Json, drop_path: float) -> Tensor:
        nodes = [
            Activation(preprocess(states[state]))
            for preprocess, state in zip(self.preprocess, self.input_states, strict=True)
        ]
        for edges in self.incoming:
            total = weighted_sum(
                (choice(nodes[edge.source], drop_path), share)
                for edge in edges
                for choice, share in edge.chosen(path, self.kind)
            )
            if total is None:
                total = torch.zeros_like(nodes[0].value[:, :, :: self.stride, :: self.stride])
            nodes.append(Activation(total))
        leaving = [nodes[node].value for node in self.concat]
        return leaving[0] if len(leaving) == 1 else torch.cat(leaving, dim=1)


class Network(nn.Module):
    """A supernet, or a derived network: one that has a single choice on every edge."""

    def __init__(self, description: Json, moving_statistics: bool):
        super().__init__()
        build = Builder(moving_statistics)
        stems = description["stems"]
        self.stems = nn.ModuleList(build.sequential(stem["layers"], stem["path"]) for stem in stems)
        self.stem_is_state: list[bool] = [stem["isState"] for stem in stems]
        self.cells = nn.ModuleList(Cell(cell, build) for cell in description["cells"])
        self.head = build.shared_input(description["head"])
        auxiliary = description.get("auxiliary")
        self.auxiliary = build.shared_input(auxiliary) if auxiliary else None
        self.auxiliary_cell: int = auxiliary["afterCell"] if auxiliary else -1
        self.named = build.named

    def forward(
        self, x: Tensor, path: Json, drop_path: float = 0.0, with_auxiliary: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        states = []
        for stem, is_state in zip(self.stems, self.stem_is_state, strict=True):
            x = stem(x)
            if is_state:
                states.append(Activation(x))
        auxiliary = None
        for index, cell in enumerate(self.cells):
            states.append(Activation(cell(states, path, drop_path)))
            if with_auxiliary and self.auxiliary is not None and index == self.auxiliary_cell:
                auxiliary = self.auxiliary(states[-1])
        return self.head(states[-1]), auxiliary


def weighted_sum(parts: Iterator[tuple[Tensor, float]]) -> Tensor | None:
    """Adds in place once there is a tensor that nothing else holds; None where there is nothing to add."""
    total, is_own = None, False
    for part, share in parts:
        if total is None:
            total, is_own = (part, False) if share == 1 else (part * share, True)
        elif is_own:
            total.add_(part, alpha=share)
        else:
            total, is_own = torch.add(total, part, alpha=share), True
    return total


class Trainer:
    def __init__(self, request: Json):
        torch.set_num_threads(request["threads"])
        torch.manual_seed(request["seed"])
        self.memory_format = MEMORY_FORMATS[request["layout"]]
        self.settings: Json = request["settings"]
        self.network = Network(request["network"], request["movingStatistics"])
        self.network.to(memory_format=self.memory_format)
        self.network.train()
        # Finding them means walking the whole tree of modules.
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.SGD(
            self.parameters,
            lr=self.settings["learningRate"],
            momentum=self.settings["momentum"],
            weight_decay=self.settings["weightDecay"],
            fused=True,
        )
        self.load(request["weights"])
        self.batches = self.read_batches(request["batches"])

    def read_batches(self, file: str) -> list[tuple[Tensor, Tensor]]:
        tensors = read_tensors(file)
        return [
            (
                tensors[f"{index}/x"].permute(0, 3, 1, 2).contiguous(memory_format=self.memory_format),
                tensors[f"{index}/y"].long(),
            )
            for index in range(len(tensors) // 2)
        ]

    @torch.no_grad()
    def load(self, file: str) -> None:
        """Starts from the file's weights, with neither momentum nor moving statistics."""
        stored = read_tensors(file)
        for name, (parameter, permutation) in self.network.named.items():
            parameter.copy_(stored[name].permute(permutation))
        for parameter in self.parameters:
            # The fused optimizer takes all momenta of a step or none, and a step may train some weights for the
            # first time. Zeros give the same first step as none.
            self.optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()

    def train_step(self, x: Tensor, y: Tensor, path: Json, drop_path: float) -> float:
        auxiliary_weight = self.settings.get("auxiliaryWeight", 0)
        self.optimizer.zero_grad(set_to_none=True)
        logits, auxiliary = self.network(x, path, drop_path, auxiliary_weight > 0)
        loss = F.cross_entropy(logits, y)
        if auxiliary is not None:
            loss = loss + auxiliary_weight * F.cross_entropy(auxiliary, y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.settings["clipNorm"])
        self.optimizer.step()
        return loss.item()

    @torch.inference_mode()
    def evaluate(self, x: Tensor, y: Tensor, path: Json) -> float:
        """The loss under the batch's own statistics, which is what a network that keeps no others uses."""
        logits, _ = self.network(x, path)
        return F.cross_entropy(logits, y).item()

    def run(self, request: Json) -> Json:
        milliseconds, losses = [], []
        for step, path in enumerate(request["paths"], request["first"]):
            x, y = self.batches[step % len(self.batches)]
            started = time.perf_counter()
            if request["mode"] == "evaluate":
                losses.append(self.evaluate(x, y, path))
            else:
                losses.append(self.train_step(x, y, path, request["dropPath"]))
            milliseconds.append(1000 * (time.perf_counter() - started))
        return {"milliseconds": milliseconds, "losses": losses}


def read_tensors(file: str) -> dict[str, Tensor]:
    """A checkpoint of gpu-runner/weights.ts: the length of a JSON header, the header, 32-bit floats."""
    with open(file, "rb") as stream:
        (length,) = struct.unpack("<I", stream.read(4))
        header = json.loads(stream.read(length))
        values = torch.frombuffer(bytearray(stream.read()), dtype=torch.float32)
    tensors, offset = {}, 0
    for entry in header["tensors"]:
        size = 1
        for dimension in entry["shape"]:
            size *= dimension
        tensors[entry["name"]] = values[offset : offset + size].view(entry["shape"])
        offset += size
    return tensors


def main() -> None:
    trainer: Trainer | None = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["op"]:
            case "setup":
                trainer = Trainer(request)
                reply = {"versions": {"torch": torch.__version__}, "threads": torch.get_num_threads()}
            case "load":
                trainer.load(request["weights"])
                reply = {}
            case "run":
                reply = trainer.run(request)
            case operation:
                raise ValueError(f"there is no operation {operation}")
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
