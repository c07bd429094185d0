"""What a user of fer writes to have one picture's emotion printed."""

import sys

import cv2
from fer.fer import FER

(face, *_) = FER(mtcnn=False).detect_emotions(cv2.imread(sys.argv[1]))
print(sys.argv[1], max(face["emotions"], key=face["emotions"].get), flush=True)
