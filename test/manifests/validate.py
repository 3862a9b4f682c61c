"""Checks a manifest of gpu-runner/manifests with its own tool: validate.py TOOL FILE. Exits with 1 and the reason."""

import sys

import yaml


def dstack(path):
    from dstack._internal.core.models.configurations import TaskConfiguration, parse_apply_configuration

    with open(path) as file:
        parsed = parse_apply_configuration(yaml.safe_load(file))
    assert isinstance(parsed, TaskConfiguration), type(parsed)
    assert sorted(parsed.env.keys()) == ["NASTURTIUM_EDGE", "NASTURTIUM_TOKEN"], parsed.env


def skypilot(path):
    import sky

    with open(path) as file:
        config = yaml.safe_load(file)
    task = sky.Task.from_yaml_config(
        config,
        env_overrides=[("NASTURTIUM_EDGE", "https://edge.example")],
        secrets_overrides=[("NASTURTIUM_TOKEN", "token")],
    )
    # What accelerators there are stands in a catalogue that SkyPilot downloads; the form of the file does not.
    task.validate_name()
    task.validate_run()
    assert "NASTURTIUM_TOKEN" in task.secrets, task.secrets


{"dstack": dstack, "skypilot": skypilot}[sys.argv[1]](sys.argv[2])
