"""A plug-in for fer-toolkit with the faults that a plug-in can have."""

NOT_CALLABLE = "a text, where a class or a function is expected"


class ShadowDetector:
    """Offered by the name of a built-in detector."""

    name = "shadow"
    box_in_frame = (0.0, 0.0, 1.0, 1.0)

    def detect(self, image_bgr):
        return []
