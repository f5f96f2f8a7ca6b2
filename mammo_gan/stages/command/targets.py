"""What a configuration may build: named classes and functions of a few packages, and nothing else.

Hydra calls whatever a `_target_` names and follows its dots through attributes, where `mammo_gan.files.os.system` is
`os.system`; and a configuration may come from somebody else (`--config-dir`). So a target is taken only if

1. it lies in one of the packages below;
2. all but its last part is a module of its own, none that another module has imported, no class; and
3. its last part is a public class, or a function where functions are listed, that was defined in those packages.

What is left out, and why: methods (`CiGAN.load_from_checkpoint` unpickles); torch.load, torch.hub, torch.jit,
torch.package, torch.ops and torch.utils (they load or compile code); torchvision.models and .datasets (they unpickle
and unpack what lies in a cache; weights come through `mammo_gan.weights`); torchmetrics.text, .multimodal and .audio
(they fetch whole models); pytorch_lightning.cli, hydra.utils and albumentations.load (they build what a text names);
the rooms of ours that write files or start processes. `functools.partial` gets its function from another target alone.

What Hydra builds before any code of ours runs is in `hydra_settings`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo_gan.errors import UserError

_ROOMS = ("archives", "callbacks", "downstream", "losses", "methods", "metrics", "networks", "schedules", "stages")
CLASSES = (
    *(f"mammo_gan.{room}" for room in _ROOMS),
    "mammo_gan.data.attributes",
    "mammo_gan.data.classified",
    "mammo_gan.data.datamodule",
    "mammo_gan.data.lesions",
    "mammo_gan.data.mammograms",
    "mammo_gan.data.masks",
    "torch.nn",
    "torch.optim",
    "torchvision.ops",
    "torchvision.transforms",
    *(f"torchmetrics.{part}" for part in ("aggregation", "classification", "collections", "detection")),
    *(f"torchmetrics.{part}" for part in ("image", "regression", "segmentation", "wrappers")),
    *(f"pytorch_lightning.{part}" for part in ("callbacks", "loggers", "strategies", "trainer")),
    "albumentations",
    "functools.partial",
)
FUNCTIONS = (
    "mammo_gan.losses",
    "mammo_gan.networks",
    "mammo_gan.schedules",
    # As the package offers them, and where they are defined.
    "mammo_gan.weights.inception_weights",
    "mammo_gan.weights.inception.inception_weights",
    "mammo_gan.weights.vgg19_features",
    "mammo_gan.weights.vgg19.vgg19_features",
    "torch.nn.functional",
    "torch.nn.init",
)
# Their own top level offers what is defined below them, as in pytorch_lightning.Trainer.
_OFFERING = ("pytorch_lightning", "torchmetrics")


def check(cfg: DictConfig) -> None:
    """Refuse a configuration that would build what it may not. To be called before anything is instantiated.

    Interpolations are resolved in place, so that what is built afterwards is what was looked at.

    Raises:
        UserError: names the key, the target, what is wrong with it and what is allowed.
    """
    try:
        OmegaConf.resolve(cfg)
    except OmegaConfBaseException as error:
        raise UserError(f"{error.full_key or 'settings'}: {str(error).strip().splitlines()[0]}") from None
    plain = OmegaConf.to_container(cfg, resolve=False)
    for key, value in leaves(plain):
        if isinstance(value, str) and "${" in value:  # written as \${...}, it would be resolved only now
            raise UserError(f"{key}={value}: a text with ${{ can't be told from an interpolation; leave it out")
    for key, target in targets(plain):
        refuse(key, target, fault(target))


def check_names(plain: Any) -> None:
    """The first of the three conditions, on a resolved configuration: needs no import, and so is quick. Raises
    UserError as `check` does."""
    for key, target in targets(plain):
        refuse(key, target, _fault_of_name(target, CLASSES))


def targets(node: Any) -> list[tuple[str, Any]]:
    """Each `_target_` within dicts and lists with its key: where it was written before where that is referred to."""
    found = [(key, value) for key, value in leaves(node) if key.rpartition(".")[2] == "_target_"]
    return sorted(found, key=lambda key_and_value: key_and_value[0].count("."))


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each value within dicts and lists with its key, a `_target_` whatever it is."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in items:
        inner = f"{key}.{name}" if key else str(name)
        if isinstance(value, dict | list) and name != "_target_":
            yield from leaves(value, inner)
        else:
            yield inner, value


def refuse(key: str, target: Any, fault: str | None, packages: tuple[str, ...] = CLASSES) -> None:
    """Raise UserError if there is a fault."""
    if fault is not None:
        raise UserError(
            f"{key}: {target!r} is not built: {fault}. Allowed are classes of {', '.join(packages)} and functions of "
            f"{', '.join(FUNCTIONS)}"
        )


def fault(target: Any, packages: tuple[str, ...] = CLASSES) -> str | None:
    """Why a target may not be built, its module being imported if its name allows it; None if it may."""
    if (found := _fault_of_name(target, packages)) is not None:
        return found
    module_name, _, name = target.rpartition(".")
    try:
        built = getattr(importlib.import_module(module_name), name, None)
    except ImportError as error:
        return f"{module_name!r} is no module ({error})"
    if not (inspect.isclass(built) or inspect.isfunction(built)):
        return f"{module_name} has no class and no function {name!r}"
    home = f"{built.__module__}.{built.__qualname__}"
    if not _is_within(home, packages if inspect.isclass(built) else FUNCTIONS):
        return f"it is {home}"
    if _is_within(home, ("mammo_gan.stages",)) and not _is_stage(built):
        return "of mammo_gan.stages only stages are built"
    return None


def _fault_of_name(target: Any, packages: tuple[str, ...]) -> str | None:
    if not isinstance(target, str):
        return "it is no name"
    if target.rpartition(".")[2].startswith("_"):
        return "it is private"
    if _is_within(target, (*packages, *FUNCTIONS)) or target.rpartition(".")[0] in _OFFERING:
        return None
    return "it is in none of the allowed packages"


def _is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _is_stage(built: Any) -> bool:
    """Or a callback of Hydra's: other classes there start processes or write files."""
    from hydra.experimental.callback import Callback

    from mammo_gan.stages.stage import Stage

    return issubclass(built, Stage | Callback)
