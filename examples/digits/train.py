"""Trains a classifier on scikit-learn's own images of handwritten digits."""

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.25, random_state=0, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(train_x, train_y)
    accuracy = accuracy_score(test_y, model.predict(test_x))
    print(f"digits: {len(train_x)} images to learn from, {len(test_x)} to test, accuracy {accuracy:.3f}")
    if accuracy < 0.95:
        raise SystemExit("digits: the model learnt too little")


if __name__ == "__main__":
    main()
