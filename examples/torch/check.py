"""Runs a convolution on the GPU when there is one, else on the CPU."""

import torch
import torchvision


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = torchvision.models.resnet18().to(device).eval()
    with torch.no_grad():
        scores = model(torch.zeros(1, 3, 64, 64, device=device))
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, CUDA {torch.version.cuda}, on {device}")
    if scores.shape != (1, 1000):
        raise SystemExit(f"unexpected shape {tuple(scores.shape)}")


if __name__ == "__main__":
    main()
