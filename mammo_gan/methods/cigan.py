"""ciGAN, the conditional infilling GAN (wu2018_cigan).

A generator sees a patch whose lesion is replaced by noise, the lesion's mask and a class, and redraws the patch with a
lesion of that class. It first learns on a feature loss alone. Then discriminator and generator train in turns, each
until its adversarial loss is low; beside it, the feature loss holds the whole patch to the real one, and the
boundary loss smooths the mask's border (section 2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from mammo_gan.data.batches import InfillBatch
from mammo_gan.losses.adversarial import NonSaturatingLoss
from mammo_gan.losses.boundary import BoundaryLoss
from mammo_gan.losses.feature import FeatureLoss, MaskedFeatureLoss
from mammo_gan.losses.term import LossTerm
from mammo_gan.methods.base import GanMethod, frozen
from mammo_gan.schedules.alternation import Phase, State, advance, check_due

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class CiGAN(GanMethod):
    """Trains a generator and a discriminator on infilling.

    Args:
        generator: (corrupted, mask, label) to (B, 1, H, W) in [0, inf).
        discriminator: (image, label) to (B,) logits.
        image_size: side of the patches in px.
        adversarial_loss, feature_loss, boundary_loss: the three terms of section 2.2.
        loss_weights: coefficient of each of the generator's terms, by the names adversarial, feature and boundary.
        pretraining_iterations: of the generator on the feature loss, before the phases.
        phases: gone through again and again after that. Those of one solver train one network.
        generator_optimizer, discriminator_optimizer: make an optimiser from parameters.
        log_every, channels_last, learning_rate_decay: see GanMethod.

    Raises:
        ValueError: a phase names an unknown term, a term without a weight or a loss it doesn't have; a solver has two
            networks; or no phase has a solver to pre-train with.
    """

    phase_index: Tensor
    phase_steps: Tensor
    loss_since_check: Tensor

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        image_size: int,
        adversarial_loss: NonSaturatingLoss,
        feature_loss: FeatureLoss | MaskedFeatureLoss,
        boundary_loss: BoundaryLoss,
        loss_weights: Mapping[str, float],
        pretraining_iterations: int,
        phases: Sequence[Phase],
        generator_optimizer: MakeOptimizer,
        discriminator_optimizer: MakeOptimizer,
        log_every: int = 50,
        channels_last: bool = True,
        learning_rate_decay: Callable[[int], float] | None = None,
    ) -> None:
        super().__init__(log_every=log_every, channels_last=channels_last, learning_rate_decay=learning_rate_decay)
        self.generator = generator
        self.discriminator = discriminator
        self.image_size = image_size
        self.adversarial_loss = adversarial_loss
        self.feature_loss = feature_loss
        self.boundary_loss = boundary_loss
        self.loss_weights = dict(loss_weights)
        self.pretraining_iterations = pretraining_iterations
        self.phases = tuple(phases)
        self.networks_of_solvers = _networks_of_solvers(self.phases, self.loss_weights)
        self.pretraining = _pretraining(self.phases, pretraining_iterations)
        self.make_optimizer = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        self.register_counter("phase_index")
        self.register_counter("phase_steps")
        self.register_buffer("loss_since_check", torch.zeros(()))  # summed over this burst's steps

    def forward(self, corrupted: Tensor, mask: Tensor, label: Tensor) -> Tensor:
        """Redraw patches with a lesion of the class `label` in the mask.

        Args:
            corrupted: (B, 1, H, W) float32 in [0, 1], noise where the mask is 1.
            mask: (B, 1, H, W) float32 in {0, 1}.
            label: (B,) int64, 0 = non-malignant, 1 = malignant.

        Returns:
            (B, 1, H, W) float32 in [0, inf), context included.
        """
        image: Tensor = self.generator(corrupted, mask, label)
        return image.float()

    def discriminator_terms(self, batch: InfillBatch) -> dict[str, LossTerm]:
        """The discriminator tells real patches from infilled ones."""
        with torch.no_grad():
            synthetic = self(batch.corrupted, batch.mask, batch.label)
        # Without batch statistics one pass over both gives the same logits as two.
        logits = self.discriminator(torch.cat([batch.image, synthetic]), torch.cat([batch.label, batch.label]))
        real_logits, synthetic_logits = logits.chunk(2)
        loss = self.adversarial_loss.discriminator(real_logits, synthetic_logits)
        return {"discriminator/adversarial": LossTerm(loss, 1.0)}

    def generator_terms(self, batch: InfillBatch, names: Sequence[str]) -> dict[str, LossTerm]:
        """The generator deceives, keeps to the real patch, and hides the border; `names` says which of these."""
        synthetic = self(batch.corrupted, batch.mask, batch.label)
        values = {}
        if "adversarial" in names:
            with frozen(self.discriminator):
                logits = self.discriminator(synthetic, batch.label)
            values["adversarial"] = self.adversarial_loss.generator(logits)
        if "feature" in names:
            values["feature"] = self.feature_loss(batch.image, synthetic, batch.mask)
        if "boundary" in names:
            values["boundary"] = self.boundary_loss(batch.image, synthetic, batch.mask)
        return {f"generator/{name}": LossTerm(value, self.loss_weights[name]) for name, value in values.items()}

    def training_step(self, batch: InfillBatch, batch_idx: int) -> None:
        # Assumption: each of the paper's 100,000 iterations is an update of one network, whichever has its turn.
        phase = self.current_phase
        if phase.network == "discriminator":
            losses = self.update(self._optimizer(phase.solver), self.discriminator_terms, batch)
        else:
            terms_of = partial(self.generator_terms, names=phase.terms)
            losses = self.update(self._optimizer(phase.solver), terms_of, batch)
        if phase is not self.pretraining:
            self._advance(losses)
        self.end_iteration(len(batch.image))

    @property
    def current_phase(self) -> Phase:
        """What the next iteration trains."""
        if self.pretraining is not None and int(self.iterations) < self.pretraining.max_steps:
            return self.pretraining
        return self.phases[int(self.phase_index)]

    @property
    def phase_name(self) -> str:
        return self.current_phase.name

    @property
    def logs_later(self) -> set[str]:
        """Names of the losses of all phases; the first rows hold those of the pre-training alone."""
        return {f"{phase.network}/{term}" for phase in self.phases for term in phase.terms}

    def _advance(self, losses: Mapping[str, Tensor]) -> None:
        """Go on to the next phase if this burst's loss has fallen, or its bound is reached."""
        # Assumption: "when the loss for either drops below 0.3" is the adversarial term; the generator's weighted sum
        # is orders of magnitude larger.
        state, phase, loss = State(int(self.phase_index), int(self.phase_steps)), self.current_phase, None
        if phase.until is not None:
            # All processes must see the same loss, or they would train different networks.
            self.loss_since_check += self.mean_over_processes(losses[f"{phase.network}/adversarial"])
        if check_due(self.phases, state):
            loss = float(self.loss_since_check) / phase.steps_per_check
            self.loss_since_check.zero_()
        state = advance(self.phases, state, loss)
        if state.steps == 0:
            self.loss_since_check.zero_()
        self.phase_index.fill_(state.phase)
        self.phase_steps.fill_(state.steps)

    def _optimizer(self, solver: str) -> LightningOptimizer:
        optimizers = self.optimizers()
        index = list(self.networks_of_solvers).index(solver)
        return optimizers[index] if isinstance(optimizers, list) else optimizers

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimiser a solver, in the phases' order."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return [self.make_optimizer[name](networks[name].parameters()) for name in self.networks_of_solvers.values()]


def _networks_of_solvers(phases: Sequence[Phase], loss_weights: Mapping[str, float]) -> dict[str, str]:
    networks: dict[str, str] = {}
    for phase in phases:
        known = {"adversarial"} if phase.network == "discriminator" else {"adversarial", "feature", "boundary"}
        if unknown := set(phase.terms) - known:
            raise ValueError(f"phase {phase.name}: the {phase.network} has no {', '.join(sorted(unknown))} loss")
        if phase.network == "generator" and (missing := set(phase.terms) - set(loss_weights)):
            raise ValueError(f"phase {phase.name}: loss_weights has no {', '.join(sorted(missing))}")
        if phase.until is not None and "adversarial" not in phase.terms:
            raise ValueError(f"phase {phase.name}: `until` looks at the adversarial loss, which isn't among its terms")
        if networks.setdefault(phase.solver, phase.network) != phase.network:
            raise ValueError(f"phase {phase.name}: solver {phase.solver} already trains another network")
    return networks


def _pretraining(phases: Sequence[Phase], iterations: int) -> Phase | None:
    """The generator on the feature loss, by the solver that goes on with that loss later."""
    if iterations == 0:
        return None
    for phase in phases:
        if "feature" in phase.terms:
            return replace(phase, name="pre-training", terms=("feature",), until=None, max_steps=iterations)
    raise ValueError("no phase trains on the feature loss, so no solver can pre-train on it")
