"""Fits a small network to a sine with jit and grad, on the GPU when there is one, else on the CPU."""

import jax
import jax.numpy as jnp


def init(key, sizes):
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        (jax.random.normal(k, (n, m)) / jnp.sqrt(n), jnp.zeros(m))
        for k, n, m in zip(keys, sizes[:-1], sizes[1:])
    ]


def predict(layers, x):
    for weights, bias in layers[:-1]:
        x = jnp.tanh(x @ weights + bias)
    weights, bias = layers[-1]
    return x @ weights + bias


def loss(layers, x, y):
    return jnp.mean((predict(layers, x) - y) ** 2)


@jax.jit
def step(layers, x, y):
    gradients = jax.grad(loss)(layers, x, y)
    return jax.tree.map(lambda p, g: p - 0.01 * g, layers, gradients)


def main():
    x = jnp.linspace(-3, 3, 512)[:, None]
    y = jnp.sin(x)
    layers = init(jax.random.key(0), [1, 32, 32, 1])
    before = float(loss(layers, x, y))
    for _ in range(3000):
        layers = step(layers, x, y)
    after = float(loss(layers, x, y))
    print(f"jax {jax.__version__}, on {jax.devices()[0].platform}: loss {before:.3f}, then {after:.4f}")
    if not after < before / 10:
        raise SystemExit("nothing was learnt")


if __name__ == "__main__":
    main()
