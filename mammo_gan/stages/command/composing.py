"""Settings composed for a look at them before the run: as Hydra will compose them, from the same folders."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from mammo_gan.errors import UserError
from mammo_gan.stages.command import hydra_settings
from mammo_gan.stages.command.groups import conf_folder


def check_options(parsed: Namespace) -> None:
    """Refuse options of Hydra's that would take settings from elsewhere than they are looked for here."""
    for option, value in (("--config-path", parsed.config_path), ("--config-name", parsed.config_name)):
        if value is not None:
            raise UserError(
                f"{option} {value}: runs start from our own config.yaml. Put your files into a folder laid out as "
                "conf/, as in DIR/experiment/mine.yaml, and choose them with --config-dir DIR experiment=mine"
            )
    if parsed.experimental_rerun is not None:
        raise UserError("--experimental-rerun loads a pickle, which can run code; give the run's overrides.yaml again")
    if parsed.hydra_help and (parsed.overrides or parsed.config_dir):
        raise UserError("--hydra-help stands alone: nothing is looked at before it is shown")


@contextmanager
def search_path(config_dir: str | None) -> Iterator[None]:
    """Within it, files are looked for in conf/, then in `config_dir`, which can add to ours and not replace them."""
    if config_dir is not None and not Path(config_dir).is_dir():
        raise UserError(f"--config-dir {config_dir}: there is no such folder")
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        if config_dir is not None:
            folders = create_config_search_path(str(conf_folder()))
            before = SearchPathQuery(provider="schema")
            folders.prepend("command-line", f"file://{Path(config_dir).absolute()}", anchor=before)
            GlobalHydra.instance().clear()
            Hydra.create_main_hydra2("run", folders)
        yield


def parse(lines: Sequence[str]) -> list[Override]:
    """Settings as they are typed, name=value."""
    try:
        parsed = list(OverridesParser.create().parse_overrides(list(lines)))
    except HydraException as error:
        raise UserError(
            f"the command line can't be read: {first_line(error)}. Settings are written name=value."
        ) from None
    if any(override.key_or_group == "hydra.searchpath" for override in parsed):  # pkg:// would import a package
        raise UserError("hydra.searchpath: name a folder of your own settings with --config-dir DIR instead")
    return parsed


def compose(overrides: Sequence[Override]) -> DictConfig:
    """All settings but those under `hydra`, which are looked at here."""
    cfg = _compose(overrides, RunMode.RUN)
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg


def swept_by_files(overrides: Sequence[Override]) -> list[Override]:
    """`hydra.sweeper.params`, less what `overrides` set themselves."""
    cfg = _compose([override for override in overrides if is_group(override) or is_hydras(override)], RunMode.MULTIRUN)
    given = {override.key_or_group for override in overrides}
    params = OmegaConf.select(cfg, "hydra.sweeper.params") or {}
    swept = parse([f"{key}={value}" for key, value in params.items()])
    return [override for override in swept if override.key_or_group not in given]


def _compose(overrides: Sequence[Override], mode: RunMode) -> DictConfig:
    lines, hydra = [str(override.input_line) for override in overrides], GlobalHydra.instance().hydra
    assert hydra is not None  # noqa: S101 - within search_path
    try:
        cfg = hydra.compose_config("config", lines, mode, from_shell=False, validate_sweep_overrides=False)
    except (HydraException, OmegaConfBaseException, YAMLError, UnicodeError) as error:
        raise UserError(_explained(first_line(error), overrides)) from None
    hydra_settings.check(cfg, [override.key_or_group for override in overrides])
    return cfg


def _explained(said: str, overrides: Sequence[Override]) -> str:
    """Of a group that only some experiments have, which experiment has it not."""
    missed = re.match(r"Could not override '([^'@]+).*No match in the defaults list", said)
    if missed is None:
        return said
    experiment = next((str(override.value()) for override in overrides if override.key_or_group == "experiment"), None)
    return f"{missed[1]}: there is nothing to choose of it in experiment={experiment}; leave {missed[1]}=... out"


def is_group(override: Override) -> bool:
    """Whether it chooses a file."""
    return override.key_or_group.startswith("hydra/") or bool(options(override.key_or_group))


def is_hydras(override: Override) -> bool:
    """Whether it sets something under `hydra`."""
    return override.key_or_group == "hydra" or override.key_or_group.startswith("hydra.")


def options(group: str) -> list[str]:
    """The files of a group, ours and those of `--config-dir`."""
    found: list[str] = GlobalHydra.instance().config_loader().get_group_options(group, ObjectType.CONFIG)
    return found


def first_line(error: Exception) -> str:
    """What an error of Hydra's says, without its advice to programmers."""
    lines = str(error).strip().splitlines()
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
