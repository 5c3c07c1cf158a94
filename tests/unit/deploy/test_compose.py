"""docker-compose.yml, the Dockerfile and what they refer to fit together."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from service.settings import Settings
from training.cli.simulate import simulate_app

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TEXT = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
SECRETS = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD"}
each_service = pytest.mark.parametrize("name", SERVICES)


def instructions(keyword: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(f"{keyword} ")]


@each_service
def test_service_is_bounded_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["restart"] == "unless-stopped"
    assert "no-new-privileges:true" in service["security_opt"]
    if name != "watchword":  # its image has one
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["logging"]["options"]["max-size"]


@each_service
def test_image_has_a_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image
    assert tag not in {"", "latest"}


@each_service
def test_mounts_exist(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
        elif not source.startswith("$"):
            assert source in COMPOSE["volumes"]


def test_every_volume_is_used() -> None:
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= used


@each_service
def test_published_on_loopback_unless_told_otherwise(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("${WATCHWORD_BIND:-127.0.0.1}:")


def test_no_secret_has_a_default() -> None:
    for secret in SECRETS:
        uses = re.findall(rf"\$\{{{secret}([^}}]*)\}}", TEXT)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_example_names_every_variable_and_sets_no_secret() -> None:
    lines = (ROOT / "deploy/example.env").read_text().splitlines()
    example = dict(line.removeprefix("#").split("=", 1) for line in lines if re.match(r"#?[A-Z_]+=", line))
    wanted = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT))
    assert wanted - {"WATCHWORD_LOG_LEVEL"} == example.keys()
    assert all(example[secret] == "" for secret in SECRETS)


def test_settings_exist_and_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    given = {**SERVICES["watchword"]["environment"], **dict(pair.split("=", 1) for pair in environment())}
    names = {name.removeprefix("WATCHWORD_").lower() for name in given if name.startswith("WATCHWORD_")}
    assert names <= Settings.model_fields.keys()
    for name, value in given.items():
        filled = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "x", value))
        monkeypatch.setenv(name, filled)
    settings = Settings()
    assert settings.host == "0.0.0.0"
    assert settings.database.startswith("postgresql+psycopg://watchword:x@postgres:5432/")
    assert settings.webhook_urls == []


def environment() -> list[str]:
    return [pair for pair in instructions("ENV")[-1].split() if pair.startswith("WATCHWORD_")]


def test_the_virtual_cameras_command_exists() -> None:
    group, name, *arguments = SERVICES["virtual-camera"]["command"]
    assert group == simulate_app.info.name
    command = typer.main.get_command(simulate_app)
    assert isinstance(command, typer.core.TyperGroup)
    known = {option for parameter in command.commands[name].params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= known


def test_services_refer_to_services() -> None:
    hosts = set(re.findall(r"(?:@|//)([a-z-]+):\d+", TEXT))
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for static in job["static_configs"] for target in static["targets"]}
    media = yaml.safe_load((ROOT / "deploy/mediamtx/mediamtx.yml").read_text())
    sources = {path["source"] for path in media["paths"].values()}
    hosts |= {target.split(":")[0] for target in targets} | {re.findall(r"//([^:/]+)", source)[0] for source in sources}
    assert hosts - {"127.0.0.1"} <= SERVICES.keys()
    assert {"redis", "postgres", "watchword", "virtual-camera"} <= hosts


def test_copied_files_exist_and_reach_the_builder() -> None:
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    for copy in instructions("COPY"):
        if copy.startswith("--from"):
            continue
        for source in copy.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored


def test_image_is_locked_and_unprivileged() -> None:
    (installs,) = (run for run in instructions("RUN") if "core.lock" in run)
    for command in installs.split("&&"):
        assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(command.split())
    assert instructions("USER") == ["10001:10001"]
    assert len(instructions("FROM")) == 2
    last_stage = DOCKERFILE.split("FROM ")[-1]
    assert "pip" not in last_stage
    assert "apt-get" not in DOCKERFILE
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["watchword"]
    assert "/healthz" in instructions("HEALTHCHECK")[0]


def pins(path: str) -> dict[str, tuple[str, frozenset[str]]]:
    found = {}
    for block in re.split(r"\n(?=\S)", (ROOT / path).read_text()):
        if match := re.match(r"([\w.-]+)==([\w.]+)", block):
            found[match[1]] = (match[2], frozenset(re.findall(r"sha256:([0-9a-f]{64})", block)))
    return found


def test_the_driver_is_the_one_that_the_tests_run_with() -> None:
    tested = pins("requirements/dev.lock")
    installed = pins("deploy/postgres.lock")
    assert installed.keys() == {"psycopg", "psycopg-binary"}
    assert all(tested[name] == pin for name, pin in installed.items())
