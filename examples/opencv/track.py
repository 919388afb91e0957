"""Follows a square through a video that ffmpeg made, and measures how fast it is."""

import os
import subprocess
import tempfile

import cv2
import numpy

RATE, SECONDS, SPEED = 25, 2, 80  # frames per second, length, pixels per second


def film(name):
    """Encodes a white square that moves to the right on black."""
    graph = (
        f"color=black:size=320x240:rate={RATE}:duration={SECONDS}[back];"
        f"color=white:size=40x40:rate={RATE}:duration={SECONDS}[square];"
        f"[back][square]overlay=x='10+{SPEED}*t':y=100:eval=frame"
    )
    command = ["ffmpeg", "-v", "error", "-filter_complex", graph, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-y", name]
    subprocess.run(command, check=True)


def places(name):
    """The middle of the square in each frame, in pixels from the left."""
    video, found = cv2.VideoCapture(name), []
    while True:
        more, frame = video.read()
        if not more:
            return found
        _, bright = cv2.threshold(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), 127, 255, cv2.THRESH_BINARY)
        moments = cv2.moments(bright, binaryImage=True)
        found.append(moments["m10"] / moments["m00"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "square.mp4")
        film(name)
        found = places(name)
    speed = numpy.polyfit(range(len(found)), found, 1)[0] * RATE
    print(f"opencv {cv2.__version__}: {len(found)} frames, the square moves {speed:.1f} pixels a second")
    if len(found) != RATE * SECONDS or abs(speed - SPEED) > 1:
        raise SystemExit(f"opencv: {RATE * SECONDS} frames and {SPEED} pixels a second were filmed")


if __name__ == "__main__":
    main()
