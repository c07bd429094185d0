"""How weights follow their gradients: descent with momentum, and Muon for the kernels of convolutions.

Both keep all they are in the file of a checkpoint. Keras's own ``exclude_from_weight_decay`` does not: a run that was
resumed would let its biases and batch-norm scales decay.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fer_toolkit")
class SGD(keras.optimizers.SGD):  # type: ignore[misc]
    """Stochastic gradient descent with Nesterov momentum whose weight decay spares biases and batch norms.

    Parameters
    ----------
    learning_rate
        The rate, or its schedule.
    kernel_decay
        Share of each kernel, times the learning rate, taken off a step (Loshchilov and Hutter 2019, arXiv:1711.05101).
    momentum
        Share of the last step that goes into the next.
    nesterov, settings
        As :class:`keras.optimizers.SGD` takes them.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        *,
        kernel_decay: float = 0.0,
        momentum: float = 0.9,
        nesterov: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **settings)
        self.kernel_decay = kernel_decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable; Keras calls this for each.

        Parameters
        ----------
        gradient, variable
            Tensors of one shape.
        learning_rate
            The rate of this step.
        """
        if len(variable.shape) > 1:
            self.assign_sub(variable, variable * ops.cast(learning_rate * self.kernel_decay, variable.dtype))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """What the same optimizer is made of again."""
        return {**super().get_config(), "kernel_decay": self.kernel_decay}


@keras.saving.register_keras_serializable("fer_toolkit")
class Muon(SGD):
    """Muon for the kernels of convolutions that batch norm follows, :class:`SGD` for all else.

    A step of such a kernel, seen as a matrix of one column a channel, is the momentum's nearest orthogonal matrix: each
    of the directions that the gradients agree on gets as much of it as the strongest one (Jordan et al. 2024, "Muon: An
    optimizer for hidden layers in neural networks", https://kellerjordan.github.io/posts/muon/). As batch norm takes
    away a kernel's size, the kernel is held at one length, a mean of 1 a channel, instead of decaying.

    A network of a quarter of ``resnet_medium``'s arithmetic had, after 16 epochs, 64.5 % on *PublicTest* where
    :class:`SGD` had 61.7 %: docs/models/runs.md.

    Parameters
    ----------
    learning_rate, kernel_decay, momentum, nesterov, settings
        As :class:`SGD` takes them.
    turn
        How far a kernel moves a step at a learning rate of 1, as a share of its length.
    """

    def __init__(self, learning_rate: Any = 0.1, *, turn: float = 0.15, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.turn = turn

    def build(self, variables: list[Any]) -> None:
        """Prepare for a network's variables; Keras calls this before the first step."""
        if not self.built:
            super().build(variables)
        paths = {variable.path for variable in variables}
        self._turned = {
            self._get_variable_index(variable)
            for variable in variables
            if len(variable.shape) == 4 and variable.path.removesuffix("kernel") + "bias" not in paths
        }

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable; Keras calls this for each.

        Parameters
        ----------
        gradient, variable
            Tensors of one shape.
        learning_rate
            The rate of this step.
        """
        index = self._get_variable_index(variable)
        if index not in self._turned:
            super().update_step(gradient, variable, learning_rate)
            return
        channels = variable.shape[-1]
        rows = math.prod(variable.shape[:-1])
        momentum = self.momentums[index]
        self.assign(momentum, momentum * self.momentum + gradient)
        ahead = gradient + momentum * self.momentum if self.nesterov else momentum
        step = ops.reshape(_orthogonal(ops.reshape(ahead, (rows, channels))), variable.shape)
        length = ops.sqrt(ops.sum(ops.square(variable)))
        share = ops.cast(learning_rate * self.turn, variable.dtype)
        self.assign(variable, variable * (math.sqrt(channels) / length) - step * share)

    def get_config(self) -> dict[str, Any]:
        """What the same optimizer is made of again."""
        return {**super().get_config(), "turn": self.turn}


def _orthogonal(matrix: Any, iterations: int = 3) -> Any:
    """About the nearest orthogonal matrix: its singular values lie near 1, whatever they were.

    Newton and Schulz's iteration with the coefficients of Jordan et al., which lift small singular values fastest.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    for _ in range(iterations):
        gram = ops.matmul(x, ops.transpose(x))
        x = 3.4445 * x + ops.matmul(2.0315 * ops.matmul(gram, gram) - 4.7750 * gram, x)
    return ops.transpose(x) if tall else x
