"""Train, evaluate and export classifiers on FER2013.

``data`` and ``evaluation`` need nothing but the core package; ``augmentation``, ``networks``, ``fitting`` and
``exporting`` need Keras (``fer-toolkit[keras]``).
"""
