"""Train, evaluate and export classifiers on FER2013.

``data``, ``folders``, ``copies``, ``evaluation``, ``figures`` and ``robustness`` need nothing but the core package; all
else needs Keras (``fer-toolkit[keras]``).
"""
