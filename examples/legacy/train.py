"""Learns exclusive or with TensorFlow 1: a graph, a session, and an optimizer."""

import sys

import numpy as np
import tensorflow as tf


def main():
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    tf.compat.v1.set_random_seed(0)
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    wanted = np.array([[0], [1], [1], [0]], dtype=np.float32)

    x = tf.compat.v1.placeholder(tf.float32, [None, 2])
    y = tf.compat.v1.placeholder(tf.float32, [None, 1])
    hidden = tf.keras.layers.Dense(16, activation="tanh")(x)
    logits = tf.keras.layers.Dense(1)(hidden)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
    step = tf.compat.v1.train.AdamOptimizer(0.05).minimize(loss)

    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        before = session.run(loss, {x: inputs, y: wanted})
        for _ in range(300):
            session.run(step, {x: inputs, y: wanted})
        after, answers = session.run([loss, tf.sigmoid(logits)], {x: inputs, y: wanted})

    print("Python {}.{}, TensorFlow {}: loss {:.3f} before, {:.3f} after; xor {}".format(
        *sys.version_info[:2], tf.__version__, before, after, answers.round().astype(int).ravel().tolist()
    ))
    if after > 0.05 or (answers.round() != wanted).any():
        raise SystemExit("legacy: exclusive or was not learnt")


if __name__ == "__main__":
    main()
