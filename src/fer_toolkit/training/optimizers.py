"""How weights follow their gradients: Muon for the kernels of convolutions, descent with momentum for all else.

What decays and what does not is told by a weight's shape, so it holds after a checkpoint as well. What Keras's own
``exclude_from_weight_decay`` was told is not saved: a run that was resumed would let its biases and batch-norm scales
decay.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fer_toolkit")
class Muon(keras.optimizers.SGD):  # type: ignore[misc]
    """Muon for the kernels of convolutions that batch norm follows, descent with momentum for all else.

    A step of such a kernel, seen as a matrix of one column a channel, is the momentum's nearest orthogonal matrix: each
    of the directions that the gradients agree on gets as much of it as the strongest one (Jordan et al. 2024, "Muon: An
    optimizer for hidden layers in neural networks", https://kellerjordan.github.io/posts/muon/). As batch norm takes
    away a kernel's size, the kernel is held at one length, a mean of 1 a channel, instead of decaying. Convolutions
    with a bias and separable ones count as all else.

    A network of a quarter of ``resnet_medium``'s arithmetic had, after 16 epochs, 64.5 % on *PublicTest* where
    descent alone had 61.7 %: docs/models/runs.md.

    Parameters
    ----------
    learning_rate
        The rate, or its schedule.
    turn
        How far a kernel moves a step at a learning rate of 1, as a share of its length. At 0, all is left to descent.
    kernel_decay
        Share of each other kernel, times the learning rate, taken off a step (Loshchilov and Hutter 2019,
        arXiv:1711.05101). Biases and batch norms do not decay.
    momentum
        Share of the last step that goes into the next.
    nesterov, settings
        As :class:`keras.optimizers.SGD` takes them.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        *,
        turn: float = 0.15,
        kernel_decay: float = 0.0,
        momentum: float = 0.9,
        nesterov: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **settings)
        self.turn, self.kernel_decay = turn, kernel_decay

    def build(self, variables: list[Any]) -> None:
        """Prepare for a network's variables; Keras calls this before the first step."""
        if not self.built:
            super().build(variables)
        paths = {variable.path for variable in variables}
        self._turned = set()
        for variable in variables:
            layer, _, name = variable.path.rpartition("/")
            if self.turn > 0 and name == "kernel" and len(variable.shape) == 4 and f"{layer}/bias" not in paths:
                self._turned.add(self._get_variable_index(variable))

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
        if index in self._turned:
            self._turn(gradient, variable, self.momentums[index], ops.cast(learning_rate * self.turn, variable.dtype))
            return
        if len(variable.shape) > 1:
            self.assign_sub(variable, variable * ops.cast(learning_rate * self.kernel_decay, variable.dtype))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """What the same optimizer is made of again."""
        return {**super().get_config(), "turn": self.turn, "kernel_decay": self.kernel_decay}

    def _turn(self, gradient: Any, kernel: Any, momentum: Any, share: Any) -> None:
        """Bring a kernel to its length, and move it by a share of that."""
        channels, rows = kernel.shape[-1], math.prod(kernel.shape[:-1])
        self.assign(momentum, momentum * self.momentum + gradient)
        ahead = gradient + momentum * self.momentum if self.nesterov else momentum
        step = ops.reshape(_orthogonal(ops.reshape(ahead, (rows, channels))), kernel.shape)
        length = ops.sqrt(ops.sum(ops.square(kernel)))
        self.assign(kernel, kernel * (math.sqrt(channels) / length) - step * share)


def _orthogonal(matrix: Any, iterations: int = 3) -> Any:
    """About the nearest orthogonal matrix: its singular values lie near 1, whatever they were.

    Newton and Schulz's iteration with the coefficients of Jordan et al., which lift small singular values fastest. An
    iteration multiplies by a polynomial of the Gram matrix; as the Gram matrix is the smaller one, these are gathered
    there, and the matrix is multiplied once.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix if tall else ops.transpose(matrix)
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    gram = ops.matmul(ops.transpose(x), x)
    product = unit = ops.eye(x.shape[1], dtype=x.dtype)
    for _ in range(iterations):
        factor = 3.4445 * unit - 4.7750 * gram + 2.0315 * ops.matmul(gram, gram)
        product, gram = ops.matmul(product, factor), ops.matmul(ops.matmul(factor, gram), factor)
    x = ops.matmul(x, product)
    return x if tall else ops.transpose(x)
